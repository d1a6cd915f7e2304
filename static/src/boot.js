// boot.js: what cannot wait until the rest is read: the colours chosen the last time, before
// the first paint, and the first two questions to the API, whose answers are needed then.

const theme = (() => {
	try {
		return localStorage.getItem("theme");
	} catch {
		return null; // storage is switched off
	}
})();
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

function begin(path) {
	return fetch(path, { cache: "no-store", credentials: "same-origin" }).catch(() => null);
}
globalThis.begun = { "/api/me": begin("/api/me"), "/api/stores": begin("/api/stores") };
