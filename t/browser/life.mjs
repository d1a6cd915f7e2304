// life.mjs: a store's whole life as a person sees it, with the real provisioner at work.
import { check, eventually, findings, note, open, run, same, settings, shot } from "./lib.mjs";

const { url } = settings;

async function create(page, name) {
	await page.getByRole("button", { name: "New store" }).click();
	await page.getByLabel("Name of the store").fill(name);
	await page.getByLabel("Admin password").fill(settings.password);
	await page.getByRole("button", { name: "Create store" }).click();
	await page.getByRole("link", { name, exact: true }).waitFor();
}

await run(async (browser) => {
	const { page, faults } = await open(browser);
	await page.goto(url);
	await page.getByText("AUTH is off.").waitFor();
	check(true, "without accounts a banner says so");
	await create(page, "Life Shop");
	const began = Date.now();
	await page.getByRole("link", { name: "Life Shop", exact: true }).click();
	const done = page.locator(".step-done");
	const seen = new Set();
	await eventually(async () => {
		seen.add(await done.count());
		return (await page.getByRole("link", { name: "Open the shop" }).count()) > 0;
	}, "it becomes ready");
	note(`ready after ${((Date.now() - began) / 1000).toFixed(1)} s; steps seen done: ${[...seen].join(", ")}`);
	await eventually(() => done.count().then((n) => n === 7), "each is done");
	check(/\d s$/.test(await page.locator(".step-time").first().textContent()), "and says how long it took");
	await page.getByText(/ of 3 GB$/).waitFor();
	const taken = await page.getByRole("meter").evaluateAll((all) => all.map((m) => m.max > 0 && m.value > 0 && m.value < m.max));
	same(taken, [true, true, true], "and what it has taken of its quota");
	same(await findings(page), [], "axe: a store that is ready");
	await shot(page, "life-ready");

	await page.getByRole("button", { name: "Delete this store" }).click();
	await page.getByRole("dialog").getByRole("textbox").fill("Life Shop");
	await page.getByRole("button", { name: "Delete for good" }).click();
	await page.getByText("This store is deleted").waitFor();
	check(true, "it is deleted");
	await page.getByRole("link", { name: "Activity log" }).click();
	await page.getByText("finished deleting Life Shop").waitFor();
	for (const text of ["created Life Shop", "finished setting up Life Shop", "asked to delete Life Shop"])
		check((await page.getByText(text).count()) === 1, `the log says: ${text}`);
	await shot(page, "life-log");
	await page.getByRole("link", { name: "Overview" }).click();
	await page.getByText("10 more stores possible").waitFor();
	await page.locator("canvas").first().waitFor();
	check(true, "and the overview has its times");
	same(faults, [], "no fault in the browser");
});
