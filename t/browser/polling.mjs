// polling.mjs: how fresh the screen is, and what that costs.
import { ask, check, eventually, note, open, PATIENCE, run, same, settings } from "./lib.mjs";

const { url, cookie } = settings;
const FRESH_MS = 2500;

function counted(page) {
	const count = { polls: 0, bodies: 0, all: 0, open: 0 };
	const isApi = (request) => request.url().includes("/api/");
	page.on("request", (request) => isApi(request) && count.open++);
	for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => isApi(request) && count.open--);
	page.on("response", (response) => {
		if (!response.url().includes("/api/")) return;
		count.all++;
		if (!/\/api\/stores$/.test(response.url())) return;
		count.polls++;
		if (response.status() === 200) count.bodies++;
	});
	return count;
}

// Chromium takes every page of a test for seen: what a page is told is overridden.
async function see(page, visible) {
	await page.evaluate((is) => {
		Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (is ? "visible" : "hidden") });
		document.dispatchEvent(new Event("visibilitychange"));
	}, visible);
}

async function until(condition) {
	for (const end = Date.now() + PATIENCE; !condition() && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function fresh(page, moving) {
	const took = [];
	await page.goto(url);
	await page.getByText("Step 2 of 7").waitFor();
	for (const [i, step] of ["secrets", "release", "database", "wordpress", "woocommerce"].entries()) {
		await ask("advance", { id: moving, step });
		const at = Date.now();
		await page.getByText(`Step ${i + 3} of 7`).waitFor();
		took.push(Date.now() - at);
	}
	const sorted = [...took].sort((a, b) => a - b);
	note(`a change was on the screen after ${took.join(", ")} ms`);
	check(sorted[2] < FRESH_MS, `a change is on the screen within ${FRESH_MS} ms, as a rule`, `${sorted[2]} ms`);
}

async function tabs(browser, moving) {
	const { context, page: first, faults } = await open(browser, { cookie });
	const one = counted(first);
	await first.goto(url);
	await first.getByRole("link", { name: "Moving" }).waitFor();
	const second = await context.newPage();
	const other = counted(second);
	await second.goto(url);
	await second.getByRole("link", { name: "Moving" }).waitFor();
	const before = one.polls;
	await eventually(() => one.polls >= before + 3, "one tab asks");
	// A page begins with one before it knows whether it leads.
	const own = other.polls;
	check(own <= 1, "and the other is told by it", `${own} requests`);
	const bodies = one.bodies;
	await ask("settle", { id: moving, status: "failed" });
	await second.locator(".failure").waitFor();
	await first.locator(".failure").waitFor();
	check(one.bodies === bodies + 1, "a change costs one body, and no change none", `${one.bodies - bodies}`);

	await see(first, false);
	await eventually(() => other.polls > own, "when it is hidden, the other asks");
	const silent = one.all;
	await ask("plant", { stores: [{ name: "Later", status: "provisioning", steps: 1 }] });
	await second.evaluate(() => dispatchEvent(new Event("online"))); // it looks at once
	await second.getByRole("link", { name: "Later" }).waitFor();
	const polls = other.polls;
	await eventually(() => other.polls >= polls + 3, "and goes on");
	check(one.all === silent, "the hidden one is silent", `${one.all - silent} requests`);

	await see(second, false);
	const still = other.all;
	await see(first, true);
	await first.getByRole("link", { name: "Later" }).waitFor();
	check(true, "seen again, it is fresh at once");
	const again = one.polls;
	await eventually(() => one.polls >= again + 3, "and leads again");
	check(other.all <= still + 1, "and the other is silent", `${other.all - still} requests`);
	await second.close();
	same(faults, [], "no fault in the browser");
	await context.close();
}

// With nobody looking there is no request, however long.
async function unseen(browser) {
	const { context, page } = await open(browser, { cookie });
	await page.clock.install();
	const count = counted(page);
	await page.goto(url);
	await page.getByRole("link", { name: "Moving" }).waitFor();
	await see(page, false);
	const before = count.all;
	await page.clock.runFor(20 * 60_000);
	check(count.all === before, "twenty minutes unseen: no request", `${count.all - before}`);
	await see(page, true);
	await eventually(() => count.all > before, "seen again: one at once");
	await context.close();
}

// While nothing moves one looks every 30 s, and while the server is away less and less often.
async function pace(browser) {
	const { context, page } = await open(browser, { cookie });
	await page.clock.install();
	const count = counted(page);
	await page.goto(url);
	await page.getByRole("link", { name: "Moving" }).waitFor();
	await ask("quiet");
	await page.clock.runFor(3000);
	await page.locator(".badge-status", { hasText: "Being set up" }).first().waitFor({ state: "hidden" });
	const before = count.polls;
	for (let n = 0; n < 10; n++) {
		await page.clock.runFor(30_000);
		// The clock is the page's; the server answers in its own time.
		await until(() => count.open === 0);
	}
	const slow = count.polls - before;
	check(slow >= 5 && slow <= 11, "five minutes at rest: a request every 30 s", `${slow}`);

	let refused = 0;
	await page.route("**/api/**", (route) => {
		refused++;
		return route.abort();
	});
	await page.clock.runFor(31_000);
	await page.getByText("What you see may be old").waitFor();
	refused = 0;
	for (let n = 0; n < 60; n++) await page.clock.runFor(10_000);
	check(refused <= 60, "ten minutes offline: less and less often", `${refused} requests`);
	await page.unroute("**/api/**");
	await page.getByRole("button", { name: "Try now" }).click();
	await page.getByText("What you see may be old").waitFor({ state: "hidden" });
	check(true, "and one may ask at once");
	await context.close();
}

await run(async (browser) => {
	const [moving] = await ask("plant", { stores: [{ name: "Moving", status: "provisioning", steps: 1, owner: "boss" }] });
	const { page, context } = await open(browser, { cookie });
	await fresh(page, moving);
	await context.close();
	await tabs(browser, moving);
	await unseen(browser);
	await pace(browser);
});
