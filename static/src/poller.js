// poller.js: what the screen shows, kept fresh. Parts of the page watch() paths; one tab (see
// leader.js) asks for the paths that any tab watches and tells the others by a
// BroadcastChannel. It asks with the tag of what it has, so that no change costs no body.
//
// Pace: 2 s while anything watched moves, or has just been changed from here; 30 s otherwise;
// longer and longer while the server cannot be reached; not at all while no tab is seen.
import { ApiError, call, callReady, READY } from "./api.js";
import { followLeadership } from "./leader.js";

const FAST_MS = 2000;
const SLOW_MS = 30_000;
const HOT_MS = 15_000; // how long a change from here makes it fast
const WANT_MS = 10_000; // a tab says again what it watches
const FORGET_MS = 35_000; // and is forgotten when it no longer does
const BACKOFF_MAX_MS = 60_000;

const NOTHING = Object.freeze({ body: null, error: null, total: 0, next: null, at: 0 });

const entries = new Map(); // path -> {listeners, snap, etag, due}
const others = new Map(); // tab -> {paths, at}
const tab = Math.random().toString(36).slice(2);
const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel("store-platform") : null;

let leads = false;
let paused = true; // nobody is logged in
let timer = 0;
let hotUntil = 0;
let asking = false;
let failures = 0;

let net = Object.freeze({ offline: false, error: null, retryAt: 0 });
const netListeners = new Set();
const noteListeners = new Set(); // of messages between tabs that are none of ours

export function watchNet(listener) {
	netListeners.add(listener);
	return () => netListeners.delete(listener);
}
export const getNet = () => net;

function setNet(next, tell) {
	if (next.offline === net.offline && next.retryAt === net.retryAt) return;
	net = Object.freeze(next);
	for (const listener of netListeners) listener();
	if (tell) channel?.postMessage({ type: "net", offline: net.offline, sentence: net.error?.message, status: net.error?.status, retryAt: net.retryAt });
}

function isMoving(body) {
	const moves = (row) => row?.status === "provisioning" || row?.status === "deleting";
	return Array.isArray(body) ? body.some(moves) : moves(body);
}

// Rows that did not change stay the same objects, so that React need not look into them.
function keepSame(before, after) {
	if (!Array.isArray(before) || !Array.isArray(after)) return after;
	const known = new Map(before.map((row) => [row?.id, row]));
	return after.map((row) => {
		const old = known.get(row?.id);
		return old && JSON.stringify(old) === JSON.stringify(row) ? old : row;
	});
}

function entryOf(path) {
	let entry = entries.get(path);
	if (!entry) {
		entry = { listeners: new Set(), snap: NOTHING, etag: null, due: 0 };
		entries.set(path, entry);
	}
	return entry;
}

function show(path, snap, etag) {
	const entry = entries.get(path);
	if (!entry) return;
	entry.etag = etag;
	entry.snap = Object.freeze({ ...snap, body: keepSame(entry.snap.body, snap.body) });
	for (const listener of entry.listeners) listener();
}

// --- the leader's work --------------------------------------------------------------------

function wanted() {
	const paths = new Set();
	const now = Date.now();
	for (const [path, entry] of entries) if (entry.listeners.size) paths.add(path);
	for (const [id, other] of others) {
		if (now - other.at > FORGET_MS) others.delete(id);
		else for (const path of other.paths) paths.add(path);
	}
	for (const path of entries.keys()) if (!paths.has(path)) entries.delete(path);
	return paths;
}

function pace(paths) {
	if (Date.now() < hotUntil) return FAST_MS;
	for (const path of paths) if (isMoving(entries.get(path)?.snap.body)) return FAST_MS;
	return SLOW_MS;
}

function publish(path) {
	const { snap, etag } = entries.get(path) ?? {};
	if (!snap?.at) return;
	const error = snap.error && { sentence: snap.error.message, status: snap.error.status, code: snap.error.code };
	channel?.postMessage({ type: "data", path, etag, snap: { ...snap, error } });
}

async function ask(path) {
	const entry = entryOf(path);
	try {
		const answer = path === READY ? { status: 200, body: await callReady() } : await call("GET", path, { etag: entry.etag });
		if (answer.status === 304) return;
		show(path, { body: answer.body, error: null, total: answer.total, next: answer.next, at: Date.now() }, answer.etag);
	} catch (error) {
		if (!(error instanceof ApiError)) throw new ApiError("The server cannot be reached.");
		if (error.passing || error.status === 401) throw error;
		show(path, { ...entry.snap, error, at: Date.now() }, null);
	}
	publish(path);
}

function fail(error) {
	failures++;
	const wait = Math.min(BACKOFF_MAX_MS, FAST_MS * 2 ** (failures - 1)) * (0.8 + 0.4 * Math.random());
	setNet({ offline: true, error, retryAt: Date.now() + Math.max(wait, error.retryAfter * 1000) }, true);
}

async function round() {
	const paths = wanted();
	const now = Date.now();
	const due = [...paths].filter((path) => entryOf(path).due <= now);
	const results = await Promise.allSettled(due.map(ask));
	const errors = results.filter((result) => result.status === "rejected").map((result) => result.reason);
	const bad = errors.find((error) => error.status !== 401);
	if (bad) fail(bad);
	else if (due.length && !errors.length) {
		failures = 0;
		setNet({ offline: false, error: null, retryAt: 0 }, true);
	}
	const wait = pace(wanted());
	for (const path of due) {
		const entry = entries.get(path);
		if (entry) entry.due = now + (path === READY ? SLOW_MS : wait);
	}
}

function schedule() {
	clearTimeout(timer);
	if (!leads || paused || asking) return;
	let at = Number.POSITIVE_INFINITY;
	const wait = pace(entries.keys());
	for (const path of wanted()) {
		const entry = entryOf(path);
		// It may have begun to move since the pace was set.
		if (path !== READY) entry.due = Math.min(entry.due, Date.now() + wait);
		at = Math.min(at, entry.due);
	}
	if (net.offline) at = Math.max(at, net.retryAt);
	if (at !== Number.POSITIVE_INFINITY) timer = setTimeout(run, Math.max(0, at - Date.now()));
}

async function run() {
	if (asking || !leads || paused) return;
	asking = true;
	try {
		await round();
	} finally {
		asking = false;
		schedule();
	}
}

function refresh() {
	for (const [path, entry] of entries) if (path !== READY || net.offline) entry.due = 0;
	if (net.offline) setNet({ ...net, retryAt: 0 }, false);
	schedule();
}

// --- between tabs ---------------------------------------------------------------------------

function sayWanted() {
	if (leads) return;
	const visible = document.visibilityState === "visible";
	const paths = visible ? [...entries].filter(([, entry]) => entry.listeners.size).map(([path]) => path) : [];
	channel?.postMessage({ type: "want", tab, paths });
}

function hear({ data: message }) {
	if (message.type === "want") {
		const fresh = message.paths.filter((path) => !others.get(message.tab)?.paths.includes(path));
		others.set(message.tab, { paths: message.paths, at: Date.now() });
		if (!leads) return;
		for (const path of fresh) publish(path);
		schedule();
	} else if (message.type === "data" && !leads) {
		const { error } = message.snap;
		show(message.path, { ...message.snap, error: error && new ApiError(error.sentence, error) }, message.etag);
	} else if (message.type === "net" && !leads) {
		setNet({ offline: message.offline, error: message.offline ? new ApiError(message.sentence, message) : null, retryAt: message.retryAt }, false);
	} else if (message.type === "poke") {
		hotUntil = Date.now() + HOT_MS;
		if (leads) refresh();
	} else if (message.type === "who") sayWanted();
	else if (message.type === "note") for (const listener of noteListeners) listener(message.note);
}

// Messages of other parts of the page to their like in the other tabs.
export function tellTabs(note) {
	channel?.postMessage({ type: "note", note });
}
export function hearTabs(listener) {
	noteListeners.add(listener);
	return () => noteListeners.delete(listener);
}

// --- what the page uses --------------------------------------------------------------------

export function watch(path, listener) {
	const entry = entryOf(path);
	entry.listeners.add(listener);
	if (leads) schedule();
	else sayWanted();
	return () => {
		entry.listeners.delete(listener);
		if (!leads) sayWanted();
	};
}

export function snapshot(path) {
	return entries.get(path)?.snap ?? NOTHING;
}

// Something was changed from here, or a person wants to know now.
export function poke() {
	hotUntil = Date.now() + HOT_MS;
	if (leads) refresh();
	else channel?.postMessage({ type: "poke" });
}

// Of a session that has ended nothing more is asked, nor shown to who logs in next.
export function pause() {
	paused = true;
	clearTimeout(timer);
}
export function resume({ forget }) {
	if (forget)
		for (const [path, entry] of entries) {
			entry.etag = null;
			entry.snap = NOTHING;
			if (!entry.listeners.size) entries.delete(path);
			else for (const listener of entry.listeners) listener();
		}
	paused = false;
	failures = 0;
	if (leads) refresh();
	else sayWanted();
}

export function startPoller() {
	channel?.addEventListener("message", hear);
	followLeadership(
		() => {
			leads = true;
			channel?.postMessage({ type: "who" });
			// What was shown while another tab led, or nobody did, may be old.
			refresh();
		},
		() => {
			leads = false;
			clearTimeout(timer);
		},
	);
	document.addEventListener("visibilitychange", sayWanted);
	addEventListener("pagehide", () => channel?.postMessage({ type: "want", tab, paths: [] }));
	addEventListener("online", () => leads && refresh());
	setInterval(() => document.visibilityState === "visible" && sayWanted(), WANT_MS);
}
