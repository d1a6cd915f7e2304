// format.js: how values look. Pure functions, without React.

const locale = "en-GB";
const exactFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const dayFormat = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const relativeFormat = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
const numberFormat = new Intl.NumberFormat(locale);

const SCALES = [
	["year", 365 * 86_400],
	["month", 30 * 86_400],
	["day", 86_400],
	["hour", 3600],
	["minute", 60],
];

export const count = (n) => numberFormat.format(n);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
export const exact = (time) => (time ? exactFormat.format(new Date(time)) : "never");
export const day = (time) => dayFormat.format(new Date(time));

// "3 minutes ago", "in 2 hours"; a minute is not told apart further, so that it stands still.
export function relative(time, now) {
	const seconds = (Date.parse(time) - now) / 1000;
	for (const [unit, size] of SCALES) if (Math.abs(seconds) >= size) return relativeFormat.format(Math.trunc(seconds / size), unit);
	return seconds > 0 ? "in a moment" : "just now";
}

// "0.4 s", "12 s", "3 min 20 s", "1 h 5 min"
export function duration(ms) {
	if (ms < 50) return ms ? "under 0.1 s" : "0 s";
	if (ms < 950) return `${(ms / 1000).toFixed(1)} s`;
	const seconds = Math.round(ms / 1000);
	if (seconds < 60) return `${seconds} s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
	return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

// What a program said, as people write it.
export function sentence(text) {
	return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}

// How long it will take, as far as anybody can know.
export function remaining(time, now) {
	const seconds = (Date.parse(time) - now) / 1000;
	if (seconds < -20) return "Takes longer than usual";
	if (seconds < 5) return "Ready any moment";
	if (seconds < 60) return `Ready in about ${Math.ceil(seconds / 10) * 10} s`;
	return `Ready in about ${Math.ceil(seconds / 60)} min`;
}

const LETTERS = { ß: "ss", æ: "ae", þ: "th", œ: "oe", ø: "o", đ: "d", ħ: "h", ı: "i", ł: "l", ŧ: "t" };
export const SLUG_MAX = 50;

// The address name that a store's name gives, as src/base/valid.c makes it.
export function slugOf(name) {
	let slug = "";
	for (const letter of name.normalize("NFD").toLowerCase().normalize("NFD")) {
		const text = LETTERS[letter] ?? letter;
		if (/^[a-z0-9]+$/.test(text)) slug += text;
		else if (!/^\p{M}$/u.test(letter) && !slug.endsWith("-")) slug += "-";
	}
	return slug.replace(/^-/, "").slice(0, SLUG_MAX).replace(/-$/, "");
}

// A table for a spreadsheet. A cell that would be a formula there is made text.
export function csv(rows) {
	const cell = (value) => {
		const text = String(value ?? "");
		const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
		return `"${safe.replaceAll('"', '""')}"`;
	};
	return `${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

// "1.5 GB", "512 MB": of 1024 each, as Kubernetes counts them.
export function size(bytes) {
	const mega = bytes / 1048576;
	return mega < 1024 ? `${Math.round(mega)} MB` : `${Math.round((mega / 1024) * 100) / 100} GB`;
}
export const cpus = (thousandths) => String(thousandths / 1000);

// The value below which a share of the sorted numbers lies; null without any.
export function quantile(numbers, share) {
	if (!numbers.length) return null;
	const sorted = [...numbers].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}
