// stores.mjs: what one does with stores, mostly by the keyboard alone.
import { ask, check, eventually, findings, note, open, run, same, settings, shot } from "./lib.mjs";

const { url } = settings;
const HOSTILE = `<script>alert(1)</script> "'><img src=x onerror=alert(2)> {{7*7}} \${7*7}`;

// Tab until the focus is where it should be; the number of steps, or -1.
async function tabTo(page, name, most = 60) {
	for (let n = 1; n <= most; n++) {
		await page.keyboard.press("Tab");
		const at = await page.evaluate(() => {
			const it = document.activeElement;
			return it.getAttribute("aria-label") ?? it.labels?.[0]?.textContent ?? it.textContent;
		});
		if (at.trim() === name) return n;
	}
	return -1;
}

async function createByKeyboard(page) {
	await page.goto(url);
	await page.getByRole("heading", { name: "No stores yet" }).waitFor();
	await shot(page, "empty");
	check((await tabTo(page, "New store")) > 0, "the keyboard reaches New store");
	await page.keyboard.press("Enter");
	await page.getByRole("dialog").waitFor();
	await page.keyboard.type("Café Zürich & Söhne");
	await page.getByText("cafe-zurich-sohne.").waitFor();
	check(true, "the address is shown while one types");
	for (let n = 0; n < 25; n++) {
		await page.keyboard.press("Tab");
		const inside = await page.evaluate(() => document.activeElement === document.body || !!document.activeElement.closest("dialog"));
		if (!inside) check(false, "the focus stays in the dialog");
	}
	await page.getByLabel("Name of the store").focus();
	await page.keyboard.press("Escape");
	await page.getByRole("dialog").waitFor({ state: "hidden" });
	check((await page.evaluate(() => document.activeElement.textContent)) === "New store", "Escape closes it and gives the focus back");
	await page.keyboard.press("Enter");
	await page.keyboard.type("Café Zürich & Söhne");
	await page.keyboard.press("Enter");
	await page.locator(".secret-value").waitFor();
	const secret = await page.locator(".secret-value").textContent();
	await ask("secret", { text: secret });
	check(secret.length === 20, "a password was made and is shown");
	await page.keyboard.press("Escape");
	check(await page.locator(".secret-value").isVisible(), "and not lost by Escape");
	same(await findings(page), [], "axe: the password");
	const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, history.state]));
	check(!kept.includes(secret), "it is in no storage and no address");
	const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
	check(download.suggestedFilename() === "cafe-zurich-sohne-login.txt", "it can be saved as a file");
	check((await tabTo(page, "I have saved the password")) > 0, "the keyboard reaches the way on");
	await page.keyboard.press("Enter");
	await page.getByText("Next in the queue").waitFor();
	check(!(await page.content()).includes(secret), "then the password is gone");

	await page.getByRole("button", { name: "New store" }).click();
	await page.keyboard.type("cafe zurich sohne");
	await page.getByText("is taken by the store").waitFor();
	check(await page.getByRole("button", { name: "Create store" }).isDisabled(), "a name that is taken is told before it is sent");
	await page.getByLabel("Name of the store").fill("Admin");
	await page.getByRole("button", { name: "Create store" }).click();
	await page.getByText("which is reserved").waitFor();
	check(true, "what only the server knows is told at its field");
	await page.keyboard.press("Escape");
}

// The answer gets lost on its way: asked again, there is one store and no second.
async function lostAnswer(page) {
	await page.route("**/api/stores", async (route) => {
		if (route.request().method() !== "POST") return route.continue();
		const answer = await route.fetch();
		await ask("secret", { text: (await answer.json()).admin_password });
		return route.abort();
	});
	await page.getByRole("button", { name: "New store" }).click();
	await page.keyboard.type("Lost Answer");
	await page.keyboard.press("Enter");
	await page.getByRole("alert").getByText("cannot be reached").waitFor();
	await page.unroute("**/api/stores");
	// By now the list behind the dialog has the store, whose name looks taken: by oneself.
	await page.locator("tbody").getByText("Lost Answer").waitFor();
	await page.getByRole("button", { name: "Create store" }).click();
	await page.getByText("was lost on the way").waitFor();
	check((await ask("one", { sql: "SELECT count(*) FROM stores WHERE name = 'Lost Answer'" })) === "1", "sent twice, a store is made once");
	check(true, "and that its password is lost is said");
	await page.getByRole("button", { name: "Close" }).last().click();
}

async function onlooker(browser) {
	const { page, context, faults } = await open(browser, { cookie: settings.viewer });
	await page.goto(url);
	await page.getByRole("link", { name: "Zebra", exact: true }).waitFor();
	check((await page.getByRole("button", { name: /New store|Delete|Try again/ }).count()) === 0, "a viewer is offered nothing that he may not do");
	await page.getByRole("link", { name: "Zebra", exact: true }).click();
	await page.getByRole("heading", { name: "About it" }).waitFor();
	check((await page.getByRole("heading", { name: "Danger zone" }).count()) === 0, "on a store's page neither");
	same(faults, [], "no fault in the viewer's browser");
	await context.close();
}

async function watchOne(page) {
	const [id] = await ask("plant", { stores: [{ name: "Moving Shop", slug: "moving", status: "provisioning", steps: 2, owner: "boss" }] });
	await page.goto(url);
	await page.getByRole("link", { name: "Moving Shop" }).click();
	await page.getByRole("heading", { name: "Moving Shop" }).waitFor();
	check(page.url().endsWith(`/stores/${id}`), "a store has an address of its own");
	await page.locator(".step-started", { hasText: "Installing the shop" }).waitFor();
	await ask("advance", { id, step: "release" });
	await page.locator(".step-started", { hasText: "Database" }).waitFor();
	check((await page.evaluate(() => document.activeElement.tagName)) === "H1", "the focus is at its heading");
	check(true, "its steps are seen as they happen");
	await ask("settle", { id, status: "failed" });
	await page.locator(".failure").getByText("the database refused the connection").waitFor();
	await page.locator(".toasts").getByText("Moving Shop failed").waitFor();
	check(true, "a failure is told, with its reason");
	await shot(page, "failed");
	same(await findings(page), [], "axe: a failed store");
	await page.getByRole("button", { name: "Try again" }).click();
	await page.getByText("Being set up").first().waitFor();
	check((await ask("one", { sql: "SELECT count(*) FROM audit_log WHERE action = 'retry'" })) === "1", "it is tried again");
	await ask("settle", { id, status: "ready" });
	await page.locator(".toasts").getByText("Moving Shop is ready").waitFor();
	await page.getByRole("link", { name: "Open the shop" }).waitFor();
	check((await page.locator(".toasts").getAttribute("aria-live")) === "polite", "that it is ready is said aloud");
	await page.goBack();
	await page.getByRole("heading", { name: "Stores", level: 1 }).waitFor();
	await page.goForward();
	await page.getByRole("heading", { name: "Moving Shop" }).waitFor();
	check(true, "back and forward work");
	await page.reload();
	await page.getByRole("heading", { name: "Moving Shop" }).waitFor();
	check(true, "and so does its address by itself");
	return id;
}

async function deleteOne(page, id) {
	await page.getByRole("button", { name: "Delete this store" }).click();
	const sure = page.getByRole("button", { name: "Delete for good" });
	check(await sure.isDisabled(), "a deletion wants the name");
	await page.keyboard.type("moving shop");
	check(await sure.isDisabled(), "as it is written");
	await page.getByRole("dialog").getByRole("textbox").fill("Moving Shop");
	same(await findings(page), [], "axe: the deletion");
	await shot(page, "delete");
	await page.keyboard.press("Enter");
	await page.getByText("Being deleted").first().waitFor();
	await ask("settle", { id, status: "deleted" });
	await page.getByText("This store is deleted").waitFor();
	await page.locator(".toasts").getByText("Moving Shop is deleted").waitFor();
	check(true, "and is seen to its end");
	await page.goto(`${url}/stores/00000000-0000-4000-8000-000000000000`);
	await page.getByText("There is no such store").waitFor();
	check(true, "one that never was is told of");
}

async function hostile(page) {
	const name = HOSTILE.slice(0, 60);
	const [id] = await ask("plant", { stores: [{ name, slug: "hostile", status: "failed", error: HOSTILE, owner: "boss" }] });
	await ask("audit", { action: "create", details: { name: HOSTILE, slug: "=1+1" } });
	await ask("audit", { action: "provision_failed", details: { name: { a: 1 }, error: [HOSTILE], code: HOSTILE } });
	await ask("audit", { action: "<b>unheard of</b>", details: {} });
	for (const path of ["/", `/stores/${id}`, "/activity", "/overview", "/?q=<script>alert(3)</script>&status=<b>", "/activity?action=<b>&store=<b>&actor=<img src=x>&span=x"]) {
		await page.goto(url + path);
		await page.locator("main h1").waitFor();
		await eventually(() => page.locator("[aria-label=Loading]").count().then((n) => n === 0), `${path}: something is shown`);
		const made = await page.evaluate(() => document.querySelectorAll("main script, main img, main b, main iframe, main [onerror]").length);
		check(made === 0, `${path}: hostile texts are texts`);
	}
	await page.goto(`${url}/activity`);
	await page.getByText("created <script>").waitFor();
	const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export CSV" }).click()]);
	const { readFileSync } = await import("node:fs");
	const csv = readFileSync(await download.path(), "utf8");
	check(csv.split("\r\n").length > 5 && !/(^|,)"[=+@-]/m.test(csv), "the export has the rows, and none is a formula");
	check(csv.includes("<script>alert(1)"), "with their texts as they are");
}

async function filters(page) {
	await ask("plant", { stores: [{ name: "Zebra", owner: "boss" }, { name: "Aardvark", status: "provisioning" }] });
	await page.goto(url);
	await page.getByRole("link", { name: "Zebra", exact: true }).waitFor();
	await page.getByLabel("Find a store").fill("zEb");
	await page.getByRole("link", { name: "Aardvark", exact: true }).waitFor({ state: "hidden" });
	check((await page.locator("tbody tr").count()) === 1, "a store is found by part of its name");
	check(page.url().includes("q=zEb"), "the address says what is shown");
	await page.getByLabel("Find a store").fill("no such shop");
	await page.getByText("No store is like that").waitFor();
	await page.getByRole("button", { name: "Show all" }).click();
	await page.getByRole("button", { name: /^Ready/ }).click();
	await eventually(async () => !(await page.locator("tbody").textContent()).includes("Aardvark"), "the status filters");
	await page.getByRole("button", { name: /^All/ }).click();
	await page.getByLabel("Order").selectOption("name");
	await eventually(async () => (await page.locator("tbody tr a").first().textContent()).startsWith("<"), "and they are sorted");
}

async function outage(page) {
	await page.goto(url);
	await page.getByRole("link", { name: "Zebra", exact: true }).waitFor();
	await ask("stop_pool");
	await page.getByText("What you see may be old").waitFor();
	check(await page.getByRole("link", { name: "Zebra", exact: true }).isVisible(), "what was known stays on the screen");
	await shot(page, "offline");
	same(await findings(page), [], "axe: without the server");
	await ask("start_pool");
	await ask("plant", { stores: [{ name: "Afterwards", exact: true }] });
	await page.getByRole("button", { name: "Try now" }).click();
	await page.getByRole("link", { name: "Afterwards", exact: true }).waitFor();
	await page.getByText("What you see may be old").waitFor({ state: "hidden" });
	check(true, "and is fresh again when the pool is back");
}

await run(async (browser) => {
	const { page, faults } = await open(browser, { cookie: settings.cookie });
	await createByKeyboard(page);
	await lostAnswer(page);
	const id = await watchOne(page);
	await deleteOne(page, id);
	await hostile(page);
	await filters(page);
	await onlooker(browser);
	await outage(page);
	same(faults, [], "no fault in the browser");
	note("stores are done");
});
