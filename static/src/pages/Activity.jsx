// Activity.jsx: the audit log: who did what, to which store, and when.
import { useEffect, useMemo, useState } from "react";
import { call } from "../api.js";
import { csv, exact } from "../format.js";
import { useAction, usePoll } from "../hooks.js";
import { Fault } from "../parts/Fault.jsx";
import { Empty, Loading, Unavailable } from "../parts/States.jsx";
import { Ago } from "../parts/Time.jsx";
import { Link, setSearch, useSearch } from "../router.jsx";
import { save } from "../save.js";
import { ACTION_WORDS, actionTitle, actionTone, auditSentence } from "../words.js";

const LOG = "/api/stores/audit/log";
const PART = 50;
const EXPORT_PART = 500;
const EXPORT_MAX = 20_000;
const SPANS = { day: ["Last 24 hours", 1], week: ["Last 7 days", 7], month: ["Last 30 days", 30] };
const NAMES = {
	provisioner: "The platform",
	nobody: "Somebody",
	local: "This machine",
	storectl: "An operator on the server",
	import: "An earlier platform",
	setup: "Somebody",
};

function who(actor) {
	const [name, key] = actor.split("#");
	return { name: NAMES[name] ?? name, key };
}

// The beginning of the hour, so that the address, and its tag, stay the same for a while.
function since(span) {
	const days = SPANS[span]?.[1];
	if (!days) return "";
	const at = new Date(Date.now() - days * 86_400_000);
	at.setUTCMinutes(0, 0, 0);
	return at.toISOString();
}

function addressOf(filter, limit) {
	const query = new URLSearchParams({ limit });
	if (filter.action) query.set("action", filter.action);
	if (filter.store) query.set("store_id", filter.store);
	if (filter.actor) query.set("actor", filter.actor);
	if (SPANS[filter.span]) query.set("since", since(filter.span));
	return `${LOG}?${query}`;
}

function Select({ label, name, value, children }) {
	return (
		<label className="filter">
			<span className="small muted">{label}</span>
			<select className="form-select form-select-sm" value={value} onChange={(event) => setSearch({ [name]: event.target.value })}>
				{children}
			</select>
		</label>
	);
}

function Filters({ filter, stores }) {
	const known = stores.some((store) => store.id === filter.store);
	return (
		<div className="toolbar">
			<Select label="What" name="action" value={filter.action}>
				<option value="">Everything</option>
				{ACTION_WORDS.map((word) => (
					<option key={word} value={word}>
						{actionTitle(word)}
					</option>
				))}
			</Select>
			<Select label="Store" name="store" value={filter.store}>
				<option value="">All stores</option>
				{filter.store && !known && <option value={filter.store}>A deleted store</option>}
				{stores.map((store) => (
					<option key={store.id} value={store.id}>
						{store.name}
					</option>
				))}
			</Select>
			<label className="filter">
				<span className="small muted">Who</span>
				<input
					className="form-control form-control-sm"
					type="search"
					placeholder="Anybody"
					defaultValue={filter.actor}
					onKeyDown={(event) => event.key === "Enter" && setSearch({ actor: event.target.value.trim() })}
					onBlur={(event) => setSearch({ actor: event.target.value.trim() })}
				/>
			</label>
			<Select label="When" name="span" value={filter.span}>
				<option value="">At any time</option>
				{Object.entries(SPANS).map(([key, [title]]) => (
					<option key={key} value={key}>
						{title}
					</option>
				))}
			</Select>
		</div>
	);
}

async function all(filter) {
	const rows = [];
	for (let path = addressOf(filter, EXPORT_PART); path && rows.length < EXPORT_MAX; ) {
		const answer = await call("GET", path);
		rows.push(...answer.body);
		path = answer.next;
	}
	return rows;
}

function Export({ filter }) {
	const [run, busy, error] = useAction(async (kind) => {
		const rows = await all(filter);
		const name = `activity-${new Date().toISOString().slice(0, 10)}.${kind}`;
		if (kind === "json") return save(name, JSON.stringify(rows, null, 2), "application/json");
		const head = ["time", "actor", "action", "what happened", "store", "address", "request"];
		const line = (r) => [r.created_at, r.actor, r.action, `${who(r.actor).name} ${auditSentence(r)}`, r.store_id, r.ip_address, r.request_id];
		return save(name, csv([head, ...rows.map(line)]), "text/csv");
	});
	return (
		<div className="d-flex gap-2 align-items-center">
			<Fault error={error} />
			<button type="button" className="btn btn-outline" disabled={busy} onClick={() => run("csv")}>
				Export CSV
			</button>
			<button type="button" className="btn btn-outline" disabled={busy} onClick={() => run("json")}>
				JSON
			</button>
		</div>
	);
}

function Entry({ row, alive }) {
	const { name, key } = who(row.actor);
	return (
		<li className="entry">
			<span className={`dot tone-${actionTone(row.action)}`} aria-hidden="true" />
			<div className="entry-text">
				<span className="user-text">
					<strong>{name}</strong> {auditSentence(row)}.
				</span>
				<div className="small muted">
					{actionTitle(row.action)}
					{key && ` · with the token ${key}`}
					{row.ip_address && ` · from ${row.ip_address}`}
					{alive && (
						<>
							{" · "}
							<Link to={`/stores/${row.store_id}`}>the store</Link>
						</>
					)}
				</div>
			</div>
			<div className="entry-time">
				<Ago time={row.created_at} />
				<div className="small muted">{exact(row.created_at)}</div>
			</div>
		</li>
	);
}

// What is older than the part that is kept fresh: asked for when it is wanted.
function useOlder(path, poll) {
	const [older, setOlder] = useState({ path, rows: [], next: undefined });
	const mine = older.path === path ? older : { rows: [], next: undefined };
	const next = mine.next === undefined ? poll.next : mine.next;
	const [more, busy, error] = useAction(async () => {
		const answer = await call("GET", next);
		setOlder({ path, rows: [...mine.rows, ...answer.body], next: answer.next });
	});
	const rows = useMemo(() => {
		const seen = new Set();
		return [...(poll.body ?? []), ...mine.rows].filter((row) => !seen.has(row.id) && seen.add(row.id));
	}, [poll.body, mine.rows]);
	return { rows, next, more, busy, error };
}

function List({ filter, stores }) {
	const path = addressOf(filter, PART);
	const poll = usePoll(path);
	const { rows, next, more, busy, error } = useOlder(path, poll);
	if (!poll.body) return poll.error ? <Unavailable error={poll.error} /> : <Loading rows={6} />;
	if (!rows.length) return <Empty title="Nothing like that has happened" />;
	return (
		<>
			<ol className="panel entries">
				{rows.map((row) => (
					<Entry key={row.id} row={row} alive={stores.some((store) => store.id === row.store_id)} />
				))}
			</ol>
			<Fault error={error} />
			{next && (
				<button type="button" className="btn btn-outline d-block mx-auto" onClick={more} disabled={busy}>
					{busy ? "Loading…" : "Show older"}
				</button>
			)}
		</>
	);
}

export function ActivityPage() {
	const search = useSearch();
	const stores = usePoll("/api/stores").body ?? [];
	const text = search.toString();
	const [, setHour] = useState(0);
	useEffect(() => {
		const timer = setInterval(() => setHour((n) => n + 1), 3_600_000);
		return () => clearInterval(timer);
	}, []);
	const filter = useMemo(() => {
		const have = new URLSearchParams(text);
		const action = have.get("action") ?? "";
		return {
			action: ACTION_WORDS.includes(action) ? action : "",
			store: have.get("store") ?? "",
			actor: have.get("actor") ?? "",
			span: SPANS[have.get("span")] ? have.get("span") : "",
		};
	}, [text]);
	return (
		<>
			<div className="page-head">
				<h1 tabIndex="-1">Activity log</h1>
				<Export filter={filter} />
			</div>
			<Filters filter={filter} stores={stores} />
			<List filter={filter} stores={stores} />
		</>
	);
}
