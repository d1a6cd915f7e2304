// api.js: the one place that talks to the server. Every fault becomes an ApiError with a
// sentence for people; what is asked with a session that has ended is told to onSignedOut.

const TIMEOUT_MS = 35_000; // nginx gives up on the API after 30 s
const EARLY_MS = 10_000;

export class ApiError extends Error {
	constructor(sentence, more = {}) {
		super(sentence);
		this.status = more.status ?? 0; // 0: there was no answer
		this.code = more.code ?? "unreachable";
		this.details = Array.isArray(more.details) ? more.details : [];
		this.requestId = more.requestId ?? "";
		this.retryAfter = more.retryAfter ?? 0; // seconds
	}

	// Nobody's fault here: the same request may work in a moment.
	get passing() {
		return this.status === 0 || this.status === 429 || (this.status >= 502 && this.status <= 504);
	}

	// The sentence about one field of a form, "" if it is not at fault.
	about(field) {
		return this.details
			.filter((row) => row.field === field)
			.map((row) => `${row.message}`)
			.join(" ");
	}
}

let signedOut = () => {};
export function onSignedOut(listener) {
	signedOut = listener;
}

// How far the server's clock is ahead of ours, so that ages are right on a machine whose is not.
let ahead = 0;
export function serverNow() {
	return Date.now() + ahead;
}

function noteClock(response) {
	const difference = Date.parse(response.headers.get("date") ?? "") - Date.now();
	if (!Number.isNaN(difference)) ahead = Math.abs(difference) > 5000 ? difference : 0;
}

async function readBody(response) {
	const text = await response.text();
	if (!text) return null;
	try {
		return JSON.parse(text);
	} catch {
		throw new ApiError("The server's answer cannot be read; is this address the Store Platform's?", {
			status: response.status,
			code: "bad_answer",
		});
	}
}

function nextOf(response) {
	return /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1] ?? null;
}

function fault(response, body) {
	const error = new ApiError(body?.error ?? `The server answered with status ${response.status}.`, {
		status: response.status,
		code: body?.code ?? "http_error",
		details: body?.details,
		requestId: body?.request_id,
		retryAfter: Number(response.headers.get("retry-after")) || 0,
	});
	if (error.status === 401 && error.code === "unauthorized") {
		error.message = "Your session had ended. Log in, then do this again.";
		signedOut();
	}
	return error;
}

// boot.js has asked for this already, if the page is only just there.
async function begun(path, wanted = (response) => response.ok) {
	const early = globalThis.begun?.[path];
	if (!early) return null;
	delete globalThis.begun[path];
	const response = await early;
	return response && wanted(response) && performance.now() < EARLY_MS ? response : null;
}

// {status, body, etag, total, next}; with etag, status 304 and no body if nothing has changed.
export async function call(method, path, { body, etag, key } = {}) {
	const headers = {};
	// The API asks this of every change, also of one that has no body.
	if (method !== "GET") headers["Content-Type"] = "application/json";
	if (etag) headers["If-None-Match"] = etag;
	if (key) headers["Idempotency-Key"] = key;
	let response;
	let answer;
	try {
		response = method === "GET" ? await begun(path) : null;
		response ??= await fetch(path, {
			method,
			headers,
			body: body === undefined ? undefined : JSON.stringify(body),
			cache: "no-store",
			credentials: "same-origin",
			redirect: "error",
			signal: AbortSignal.timeout(TIMEOUT_MS),
		});
		answer = response.status === 304 ? null : await readBody(response);
	} catch (error) {
		if (error instanceof ApiError) throw error;
		throw new ApiError(
			error.name === "TimeoutError" ? "The server took too long to answer." : "The server cannot be reached. Is your connection up, and the server on?",
		);
	}
	noteClock(response);
	if (response.status >= 400) throw fault(response, answer);
	return {
		status: response.status,
		body: answer,
		etag: response.headers.get("etag"),
		total: Number(response.headers.get("x-total-count")) || 0,
		next: nextOf(response),
	};
}

export const READY = "/api/ready";

// It tells what is wrong by a status of 503, and that is an answer here.
export async function callReady() {
	const early = await begun(READY, () => true);
	const response = early ?? (await fetch(READY, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) }));
	const body = await response.json();
	if (!Array.isArray(body.checks)) throw fault(response, body);
	return body;
}

// A name for one attempt to change something, so that sending it twice changes it once.
export function newKey() {
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
