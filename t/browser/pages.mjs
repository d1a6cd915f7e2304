// pages.mjs: every page in both themes and on a phone: nothing serious for axe, nothing too
// wide, a picture of each to look at.
import { check, findings, open, run, same, settings, shot } from "./lib.mjs";

const { url, pages, cookie } = settings;
const NARROW = 360;

async function look(page, name, theme, width) {
	const where = `${name}, ${theme}, ${width} px`;
	same(await findings(page), [], `axe: ${where}`);
	const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
	check(over <= 0, `${where}: nothing is too wide`, `${over} px`);
	await shot(page, `${name}-${theme}-${width}`);
}

async function settled(page) {
	await page.locator("main h1").waitFor();
	await page.waitForFunction(() => !document.querySelector("[aria-label=Loading]"));
	// A chart is there when its canvas has a size of its own.
	await page.waitForFunction(() => [...document.querySelectorAll("canvas")].every((canvas) => canvas.style.width));
}

async function dialogs(page, theme, width) {
	await page.goto(url);
	await settled(page);
	await page.getByRole("button", { name: "New store" }).click();
	await page.getByLabel("Name of the store").fill("Blue Door Books");
	await page.getByText("is taken by").waitFor();
	await look(page, "create", theme, width);
	await page.keyboard.press("Escape");
	await page.goto(`${url}/account`);
	await settled(page);
	for (const name of ["New user", "New token"]) {
		await page.getByRole("button", { name }).click();
		await page.getByRole("dialog").waitFor();
		await look(page, name.replace(" ", "-").toLowerCase(), theme, width);
		await page.keyboard.press("Escape");
	}
}

// Whatever can be used is reached by Tab, and seen to have the focus.
async function keyboard(browser) {
	const { page, context } = await open(browser, { cookie });
	for (const [name, path] of Object.entries(pages)) {
		await page.goto(url + path);
		await settled(page);
		const all = await page.evaluate(() => {
			const usable = [...document.querySelectorAll("a[href], button, input, select, summary")];
			window.left = new Set(usable.filter((it) => !it.disabled && it.checkVisibility()));
			return window.left.size;
		});
		const unseen = [];
		for (let n = 0; n < all + 5; n++) {
			await page.keyboard.press("Tab");
			const dull = await page.evaluate(() => {
				const it = document.activeElement;
				window.left.delete(it);
				const style = getComputedStyle(it);
				return it !== document.body && style.outlineStyle === "none" && style.boxShadow === "none" ? it.outerHTML.slice(0, 80) : "";
			});
			if (dull) unseen.push(dull);
		}
		const left = await page.evaluate(() => [...window.left].filter((it) => it.isConnected).map((it) => it.outerHTML.slice(0, 80)));
		same(left, [], `${name}: the keyboard reaches all ${all}`);
		same(unseen, [], `${name}: and one sees where it is`);
	}
	await context.close();
}

// The theme that is chosen beats that of the system, and is kept.
async function choice(browser) {
	const { page } = await open(browser, { cookie, colorScheme: "light" });
	await page.goto(url);
	const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	await page.getByLabel("Colours").waitFor();
	const light = await back();
	await page.getByLabel("Colours").selectOption("dark");
	const dark = await back();
	check(light !== dark, "the dark theme can be chosen");
	await page.reload();
	await page.getByLabel("Colours").waitFor();
	check((await back()) === dark, "and stays");
}

// Nothing moves by itself: with the movement switched off there is no animation at all.
async function health(browser) {
	const { page, context } = await open(browser, { cookie });
	await page.goto(url);
	await page.getByRole("button", { name: /^Needs attention/ }).click();
	await page.getByText("scaled to nothing").waitFor();
	check((await page.locator("tbody tr").count()) === 1, "a shop that lacks a part is told apart, with the reason");
	await page.goto(url + pages.ready);
	await page.getByText("scaled to nothing").waitFor();
	check(await page.getByText("Needs attention").isVisible(), "on its page too");
	await context.close();
}

// Without its script there is nothing to see: then the page says so.
async function refused(browser) {
	const { page, context } = await open(browser, { cookie });
	await page.route("**/app.js", (route) => route.fulfill({ status: 429 }));
	await page.goto(url);
	await page.getByRole("alert").getByText("load this page again").waitFor();
	check(true, "a script that was refused is told of");
	await context.close();
}

async function stillness(browser) {
	const { page } = await open(browser, { cookie });
	await page.goto(url + pages.store);
	await page.locator(".step-started").waitFor();
	const moving = await page.evaluate(() => document.getAnimations().length);
	check(moving === 0, "reduced motion is respected");
	await page.emulateMedia({ reducedMotion: "no-preference" });
	check((await page.evaluate(() => document.getAnimations().length)) > 0, "which is no accident");
}

await run(async (browser) => {
	for (const theme of ["light", "dark"])
		for (const width of [1280, NARROW]) {
			const { page, context, faults } = await open(browser, { cookie, colorScheme: theme, viewport: { width, height: 860 } });
			for (const [name, path] of Object.entries(pages)) {
				await page.goto(url + path);
				await settled(page);
				await look(page, name, theme, width);
			}
			await dialogs(page, theme, width);
			same(faults, [], `${theme}, ${width} px: no fault in the browser`);
			await context.close();
		}
	await keyboard(browser);
	await choice(browser);
	await stillness(browser);
	await health(browser);
	await refused(browser);
});
