// accounts.mjs: the first account, logins, users, tokens, and a session that ends in the middle.
import { ask, check, eventually, findings, note, open, run, same, settings, shot } from "./lib.mjs";

const { url, password } = settings;

// The secrets of this run are nowhere but on the screen.
async function leaks(page, secret) {
	const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + document.cookie + location.href + JSON.stringify(history.state));
	return kept.includes(secret);
}

async function setUp(page) {
	await page.goto(url);
	await page.getByText("There is no account yet").waitFor();
	same(await findings(page), [], "axe: the first set-up");
	await shot(page, "setup");
	await page.getByLabel("Set-up token").fill("wrong");
	await page.getByLabel("Your name here").fill("boss");
	await page.getByLabel("Password").fill("short");
	await page.getByRole("button", { name: "Make the first account" }).click();
	await page.getByText("must have 12 to").waitFor();
	check(true, "a short password is told at its field");
	await page.getByLabel("Password").fill(password);
	await page.getByRole("button", { name: "Make the first account" }).click();
	await page.getByRole("alert").waitFor();
	check(true, "a wrong token is refused with a sentence");
	await page.getByLabel("Set-up token").fill(settings.token);
	await page.getByRole("button", { name: "Make the first account" }).click();
	await page.getByRole("heading", { name: "No stores yet" }).waitFor();
	check(true, "the first account is made, and logged in");
}

async function makeUser(page, context, browser) {
	await page.getByRole("link", { name: "Account" }).click();
	await page.getByRole("button", { name: "New user" }).click();
	await page.getByLabel("Name").fill("anna");
	await page.getByRole("button", { name: "Add the user" }).click();
	await page.getByText("anna may log in now").waitFor();
	const first = await page.locator(".secret-value").textContent();
	await ask("secret", { text: first });
	check(first.length >= 12, "a new user's first password is shown");
	await page.keyboard.press("Escape");
	check(await page.getByText("anna may log in now").isVisible(), "Escape does not lose it");
	check(!(await leaks(page, first)), "it is nowhere but on the screen");
	await page.getByRole("button", { name: "I have saved the password" }).click();
	await page.getByRole("cell", { name: "anna", exact: true }).waitFor();
	check(!(await page.content()).includes(first), "then it is gone");

	const other = await open(browser);
	await other.page.goto(`${url}/account`);
	await other.page.getByLabel("Name").fill("anna");
	await other.page.getByLabel("Password").fill("not this one");
	await other.page.getByRole("button", { name: "Log in" }).click();
	await other.page.getByText("The name or the password is wrong.").waitFor();
	check(true, "a wrong password is told");
	await other.page.getByLabel("Password").fill(first);
	await other.page.getByRole("button", { name: "Log in" }).click();
	await other.page.getByRole("heading", { name: "Account", level: 1 }).waitFor();
	check(true, "the new user logs in, and is where she wanted to be");
	check((await other.page.getByRole("heading", { name: "Users" }).count()) === 0, "an operator sees no users");
	await other.page.goto(url);
	await other.page.getByRole("heading", { name: "No stores yet" }).waitFor();
	await other.page.getByRole("button", { name: "Sign out" }).click();
	await other.page.getByRole("button", { name: "Log in" }).waitFor();
	check(true, "and signs out");
	same(await findings(other.page), [], "axe: the login");
	await shot(other.page, "login");
	same(other.faults, [], "no fault in the new user's browser");
	await other.context.close();
}

async function makeToken(page) {
	await page.getByRole("button", { name: "New token" }).click();
	await page.getByLabel("What it is for").fill("<img src=x onerror=alert(1)>");
	await page.getByRole("button", { name: "Make the token" }).click();
	await page.locator(".secret-value").waitFor();
	const token = await page.locator(".secret-value").textContent();
	await ask("secret", { text: token });
	check(/^spt_/.test(token), "a token is shown");
	const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
	check(download.suggestedFilename() === "token.txt", "and saved as a file");
	await page.getByRole("button", { name: "I have saved the token" }).click();
	await page.getByRole("cell", { name: "<img src=x" }).first().waitFor();
	check(!(await page.content()).includes(token), "once");
	await page.getByRole("button", { name: "Revoke <img" }).click();
	await page.getByRole("button", { name: "Revoke", exact: true }).click();
	await page.getByRole("cell", { name: "revoked" }).waitFor();
	check(true, "and revoked");
}

async function expire(page) {
	await page.getByRole("link", { name: "Stores", exact: true }).click();
	await page.getByRole("button", { name: "New store" }).click();
	await page.getByLabel("Name of the store").fill("Half written");
	await page.getByLabel("Admin password").fill("typed already");
	await ask("expire");
	await page.getByRole("button", { name: "Create store" }).click();
	await page.getByRole("heading", { name: "Your session has ended" }).waitFor();
	same(await findings(page), [], "axe: the login on top of a dialog");
	await shot(page, "session-ended");
	check(await page.getByLabel("Name", { exact: true }).inputValue() === "boss", "who it was is known");
	await page.locator("dialog").last().getByLabel("Password").fill(password);
	await page.getByRole("button", { name: "Log in" }).click();
	await page.getByRole("heading", { name: "Your session has ended" }).waitFor({ state: "hidden" });
	check((await page.getByLabel("Name of the store").inputValue()) === "Half written", "the dialog is as it was");
	check((await page.getByLabel("Admin password").inputValue()) === "typed already", "with its password");
	await page.getByRole("button", { name: "Create store" }).click();
	await page.getByRole("link", { name: "Half written" }).waitFor();
	check(true, "and goes on");
	check((await ask("one", { sql: "SELECT count(*) FROM stores" })) === "1", "there is one store of it");
}

async function everywhere(page, context) {
	const second = await context.newPage();
	await second.goto(`${url}/overview`);
	await second.getByRole("heading", { name: "Overview" }).waitFor();
	await page.getByRole("link", { name: "Account" }).click();
	await page.getByRole("button", { name: "Sign out everywhere" }).click();
	await page.getByRole("button", { name: "Log in" }).waitFor();
	await eventually(() => second.getByText("Log in").first().isVisible(), "signing out everywhere reaches the other tab");
	check((await ask("one", { sql: "SELECT count(*) FROM sessions" })) === "0", "no session is left");
	await second.close();
}

await run(async (browser) => {
	const { page, context, faults } = await open(browser);
	await setUp(page);
	await makeUser(page, context, browser);
	await makeToken(page);
	await expire(page);
	await everywhere(page, context);
	same(faults, [], "no fault in the browser");
	note("accounts are done");
});
