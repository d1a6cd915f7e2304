// lib.mjs: what the browser tests share. t/lib/Browser.pm starts a test with its settings in
// $BROWSER_TEST; they talk by lines: "ok NAME" and "not ok NAME" are results, "note TEXT" is
// told, "do NAME JSON" asks the Perl side for something and is answered by one line of JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

export const settings = JSON.parse(process.env.BROWSER_TEST);
const require = createRequire(`${settings.modules}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const say = (text) => process.stdout.write(`${text.replaceAll("\n", " ")}\n`);
export const note = (text) => say(`note ${text}`);

export function check(right, name, why = "") {
	say(`${right ? "ok" : "not ok"} ${name}${right || !why ? "" : `: ${why}`}`);
	return right;
}

export function same(got, wanted, name) {
	return check(JSON.stringify(got) === JSON.stringify(wanted), name, `${JSON.stringify(got)} for ${JSON.stringify(wanted)}`);
}

// Something that only the Perl side can do.
export async function ask(what, values = {}) {
	say(`do ${what} ${JSON.stringify(values)}`);
	const { value } = await answers.next();
	return JSON.parse(value);
}

// A bound for hangs alone: what is waited for is an event.
export const PATIENCE = 60_000;

export async function start() {
	const browser = await chromium.launch({
		executablePath: settings.chromium,
		chromiumSandbox: false, // it cannot be had as root
		args: ["--disable-gpu", "--disable-dev-shm-usage"],
	});
	return browser;
}

// A browser of its own, as one person has it: {context, page, faults}. Anything that the page
// complains of, a breach of the content policy included, is a fault.
export async function open(browser, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, reducedMotion: "reduce", acceptDownloads: true, ...options });
	context.setDefaultTimeout(PATIENCE);
	const faults = [];
	context.on("page", (page) => listen(page, faults));
	if (options.cookie) await context.addCookies([options.cookie]);
	const page = await context.newPage();
	return { context, page, faults };
}

function listen(page, faults) {
	page.on("pageerror", (error) => faults.push(`${error}`));
	page.on("dialog", (dialog) => {
		faults.push(`a dialog of the browser: ${dialog.message()}`);
		dialog.dismiss();
	});
	page.on("console", (message) => {
		// A status of 4xx or 5xx is told by the browser itself; tests look at what comes of it.
		if (message.type() === "error" && !/Failed to load resource/.test(message.text())) faults.push(message.text());
	});
}

export async function shot(page, name) {
	await page.screenshot({ path: `${settings.shots}/${name}.png`, fullPage: false, animations: "disabled" });
}

// Serious and critical findings of axe, as "rule: element".
export async function findings(page) {
	// By the debugger's way in, since the page's own policy lets no script be added.
	const result = await page.evaluate(`${axe.source}; axe.run(document, {resultTypes: ["violations"]})`);
	return result.violations
		.filter((one) => one.impact === "serious" || one.impact === "critical")
		.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(" ")} ${node.failureSummary}`));
}

export async function eventually(condition, name) {
	const end = Date.now() + PATIENCE;
	for (;;) {
		if (await condition()) return check(true, name);
		if (Date.now() > end) return check(false, name, "it never was");
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

// Runs a test to its end, whatever happens in it.
export async function run(test) {
	const browser = await start();
	try {
		await test(browser);
	} catch (error) {
		check(false, "the test runs to its end", error.stack);
		for (const context of browser.contexts())
			for (const page of context.pages()) await shot(page, `failed-${settings.name}-${Date.now()}`).catch(() => {});
	} finally {
		await browser.close();
		say("end");
		process.exit(0);
	}
}
