// theme.js: the colours chosen the last time, set before the first paint. A file of its own,
// since the rest is read only when the page is there already.
const theme = (() => {
	try {
		return localStorage.getItem("theme");
	} catch {
		return null; // storage is switched off
	}
})();
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
