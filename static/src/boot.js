// boot.js: what cannot wait until the rest is read: the colours chosen the last time, before
// the first paint, and the first questions to the API, whose answers are needed then.

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
globalThis.begun = Object.fromEntries(["/api/me", "/api/stores", "/api/ready"].map((path) => [path, begin(path)]));

// Without the rest there is nobody to say why the page stays empty.
addEventListener(
	"error",
	({ target }) => {
		if (!target.src?.endsWith("/app.js")) return;
		const line = document.createElement("p");
		line.setAttribute("role", "alert");
		line.textContent = "The dashboard could not be loaded. Wait a moment, then load this page again.";
		document.getElementById("root").append(line);
	},
	true,
);
