// subset.mjs: the part of Bootstrap that the dashboard uses, since the whole is ten times as
// large: every rule for elements, and those for classes that a className of the sources names.
//
// usage: node subset.mjs bootstrap.css FILE.jsx... >subset.css
import { readFileSync } from "node:fs";

const [sheet, ...sources] = process.argv.slice(2);

function classesOf(text) {
	const found = new Set();
	for (const [attribute] of text.matchAll(/className=(?:"[^"]*"|\{(?:[^{}]|\{[^{}]*\})*\})/g))
		for (const [word] of attribute.matchAll(/[a-z][\w-]*/g)) found.add(word);
	return found;
}

const used = classesOf(sources.map((path) => readFileSync(path, "utf8")).join("\n"));

// [head, body] of each rule, and [statement, null] of what ends at a ";".
function* rules(css) {
	let from = 0;
	while (from < css.length) {
		const open = css.indexOf("{", from);
		const end = css.indexOf(";", from);
		if (end >= 0 && (open < 0 || end < open)) {
			yield [css.slice(from, end), null];
			from = end + 1;
			continue;
		}
		if (open < 0) return;
		let depth = 1;
		let at = open + 1;
		for (; depth && at < css.length; at++) depth += css[at] === "{" ? 1 : css[at] === "}" ? -1 : 0;
		yield [css.slice(from, open).trim(), css.slice(open + 1, at - 1)];
		from = at;
	}
}

function isUsed(selector) {
	return [...selector.matchAll(/\.(-?[a-zA-Z][\w-]*)/g)].every(([, name]) => used.has(name));
}

function prune(css) {
	let out = "";
	for (const [head, body] of rules(css)) {
		if (body === null || head.startsWith("@keyframes")) continue; // @charset; no animation is used
		if (head.startsWith("@")) {
			const inner = prune(body);
			if (inner) out += `${head}{${inner}}`;
			continue;
		}
		const kept = head.split(/,(?![^(]*\))/).filter(isUsed);
		if (kept.length) out += `${kept.join(",")}{${body}}`;
	}
	return out;
}

// Variables of :root that nothing reads.
function dropUnread(css) {
	const kept = css.replace(/--bs-[\w-]+:(?:[^;{}"]|"[^"]*")*;?/g, (text) => (css.includes(`var(${text.split(":")[0]}`) ? text : ""));
	return kept === css ? css : dropUnread(kept);
}

const whole = readFileSync(sheet, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
process.stdout.write(dropUnread(prune(whole)));
