// session.js: who is using this. A session that ends while somebody works leaves the page as
// it is: he logs in on top of it and goes on.
import { useSyncExternalStore } from "react";
import { ApiError, call, onSignedOut } from "./api.js";
import { hearTabs, pause, resume, tellTabs } from "./poller.js";

// phase: "loading" | "in" | "out" | "ended" (was in) | "broken" (error says why)
let state = Object.freeze({ phase: "loading", me: null, error: null });
const listeners = new Set();

function set(next) {
	state = Object.freeze({ ...state, ...next });
	for (const listener of listeners) listener();
}

export function useSession() {
	return useSyncExternalStore(
		(listener) => {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		() => state,
	);
}

function noteEnd() {
	pause();
	if (state.phase === "in") set({ phase: "ended" });
	else if (state.phase === "loading" || state.phase === "broken") set({ phase: "out" });
}

export async function loadSession() {
	try {
		const me = (await call("GET", "/api/me")).body;
		const other = state.me?.id !== me.id;
		set({ phase: "in", me, error: null });
		resume({ forget: other });
	} catch (error) {
		if (error.status !== 401 && state.phase !== "in") set({ phase: "broken", error });
	}
}

// A browser keeps the cookie only over HTTPS, or from its own machine.
async function enter() {
	await loadSession();
	if (state.phase !== "in")
		throw new ApiError("The login is right, but the browser did not keep it: open this page by HTTPS, or on the server itself.", {
			status: 200,
			code: "no_cookie",
		});
	tellTabs("session");
}

export async function login(name, password) {
	await call("POST", "/api/login", { body: { name, password } });
	await enter();
}

export async function setUp(token, name, password) {
	await call("POST", "/api/setup", { body: { token, name, password } });
	await enter();
}

function leave() {
	pause();
	set({ phase: "out", me: null });
	tellTabs("session");
}

export async function logout() {
	await call("POST", "/api/logout");
	leave();
}

// Ends all sessions of this person, this one too.
export async function logoutEverywhere() {
	await call("DELETE", "/api/me/sessions");
	leave();
}

export function startSession() {
	onSignedOut(noteEnd);
	hearTabs((note) => note === "session" && loadSession());
	loadSession();
}

const ranks = ["viewer", "operator", "admin"];
export function may(me, role) {
	return ranks.indexOf(me?.role) >= ranks.indexOf(role);
}
// Only its owner and admins may change a store.
export function mayChange(me, store) {
	return may(me, "admin") || (may(me, "operator") && store.owner === me.name);
}
