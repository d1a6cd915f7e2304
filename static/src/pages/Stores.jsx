// Stores.jsx: all stores, to find one, see how it is and act on it.
import { memo, useDeferredValue, useMemo, useState } from "react";
import { count, plural } from "../format.js";
import { usePoll } from "../hooks.js";
import { CreateStore } from "../parts/CreateStore.jsx";
import { DeleteStore } from "../parts/DeleteStore.jsx";
import { Failure } from "../parts/Failure.jsx";
import { Empty, Loading, Unavailable } from "../parts/States.jsx";
import { Progress, Status } from "../parts/Status.jsx";
import { Ago } from "../parts/Time.jsx";
import { Link, setSearch, useSearch } from "../router.jsx";
import { may, mayChange } from "../session.js";
import { planOf, STATUS, stateOf } from "../words.js";

const PAGE = 60;
const FILTERS = ["provisioning", "ready", "degraded", "failed", "deleting"];
const SORTS = {
	newest: ["Newest first", (a, b) => (a.created_at < b.created_at ? 1 : -1)],
	oldest: ["Oldest first", (a, b) => (a.created_at > b.created_at ? 1 : -1)],
	name: ["By name", (a, b) => a.name.localeCompare(b.name)],
	status: ["By status", (a, b) => STATUS_ORDER.indexOf(stateOf(a)) - STATUS_ORDER.indexOf(stateOf(b))],
};
const STATUS_ORDER = ["failed", "degraded", "provisioning", "deleting", "ready"];

const Row = memo(function Row({ store, allowed, onDelete }) {
	const host = store.store_url.replace(/^https?:\/\//, "");
	return (
		<tr>
			<td className="cell-name">
				<Link to={`/stores/${store.id}`} className="store-name user-text">
					{store.name}
				</Link>
				<div className="small muted">{host}</div>
			</td>
			<td className="cell-status">
				<Status status={stateOf(store)} />
				{stateOf(store) === "degraded" && <div className="failure user-text">{store.health.message}</div>}
				<Progress store={store} />
				{store.status === "failed" && <Failure store={store} allowed={allowed} />}
			</td>
			<td data-label="Plan">{planOf(store.plan).title}</td>
			<td data-label="Owner" className="user-text">
				{store.owner ?? <span className="muted">none</span>}
			</td>
			<td data-label="Made" className="cell-age">
				<Ago time={store.created_at} />
			</td>
			<td className="cell-actions">
				{store.status === "ready" && (
					<>
						<a className="btn btn-sm btn-outline" href={store.store_url} target="_blank" rel="noreferrer" aria-label={`Shop of ${store.name}`}>
							Shop
						</a>
						<a className="btn btn-sm btn-outline" href={store.admin_url} target="_blank" rel="noreferrer" aria-label={`Admin pages of ${store.name}`}>
							Admin
						</a>
					</>
				)}
				{allowed && store.status !== "deleting" && (
					<button type="button" className="btn btn-sm btn-quiet-bad" onClick={() => onDelete(store)} aria-label={`Delete ${store.name}`}>
						Delete
					</button>
				)}
			</td>
		</tr>
	);
});

function Toolbar({ stores, status, text, sort }) {
	const counts = useMemo(() => {
		const by = {};
		for (const store of stores) by[stateOf(store)] = (by[stateOf(store)] ?? 0) + 1;
		return by;
	}, [stores]);
	return (
		<div className="toolbar">
			<fieldset className="chips" aria-label="Status">
				<button type="button" className="chip" aria-pressed={!status} onClick={() => setSearch({ status: "" })}>
					All <span className="chip-count">{count(stores.length)}</span>
				</button>
				{FILTERS.filter((word) => counts[word] || word === status).map((word) => (
					<button
						key={word}
						type="button"
						className={`chip tone-${STATUS[word].tone}`}
						aria-pressed={status === word}
						onClick={() => setSearch({ status: word })}
					>
						<span className="dot" aria-hidden="true" />
						{STATUS[word].word} <span className="chip-count">{count(counts[word] ?? 0)}</span>
					</button>
				))}
			</fieldset>
			<input
				type="search"
				className="form-control form-control-sm search"
				placeholder="Find a store"
				aria-label="Find a store"
				value={text}
				onChange={(event) => setSearch({ q: event.target.value })}
			/>
			<select className="form-select form-select-sm sort" aria-label="Order" value={sort} onChange={(event) => setSearch({ sort: event.target.value })}>
				{Object.entries(SORTS).map(([key, [title]]) => (
					<option key={key} value={key}>
						{title}
					</option>
				))}
			</select>
		</div>
	);
}

function choose(stores, status, text, sort) {
	const words = text.toLowerCase();
	return stores
		.filter((s) => (!status || stateOf(s) === status) && (!words || `${s.name} ${s.slug} ${s.owner ?? ""}`.toLowerCase().includes(words)))
		.sort(SORTS[sort][1]);
}

function Table({ rows, me, onDelete }) {
	const [most, setMost] = useState(PAGE);
	return (
		<>
			<div className="panel">
				<table className="table stores">
					<thead>
						<tr>
							{["Store", "Status", "Plan", "Owner", "Made"].map((title) => (
								<th key={title} scope="col">
									{title}
								</th>
							))}
							<th scope="col">
								<span className="visually-hidden">Actions</span>
							</th>
						</tr>
					</thead>
					<tbody>
						{rows.slice(0, most).map((store) => (
							<Row key={store.id} store={store} allowed={mayChange(me, store)} onDelete={onDelete} />
						))}
					</tbody>
				</table>
			</div>
			{rows.length > most && (
				<button type="button" className="btn btn-outline d-block mx-auto" onClick={() => setMost(most + 4 * PAGE)}>
					Show more ({count(rows.length - most)} left)
				</button>
			)}
		</>
	);
}

function Body({ poll, me, onCreate, onDelete }) {
	const search = useSearch();
	const status = FILTERS.includes(search.get("status")) ? search.get("status") : "";
	const text = search.get("q") ?? "";
	const sort = SORTS[search.get("sort")] ? search.get("sort") : "newest";
	const slow = useDeferredValue(text); // typing goes first
	const stores = poll.body;
	const rows = useMemo(() => (stores ? choose(stores, status, slow, sort) : []), [stores, status, slow, sort]);

	if (!stores) return poll.error ? <Unavailable error={poll.error} /> : <Loading />;
	if (!stores.length)
		return (
			<Empty title="No stores yet">
				<p className="muted">A store is a WooCommerce shop of its own, ready some minutes after you name it.</p>
				{may(me, "operator") && (
					<button type="button" className="btn btn-primary" onClick={onCreate}>
						Create the first store
					</button>
				)}
			</Empty>
		);
	return (
		<>
			<Toolbar stores={stores} status={status} text={text} sort={sort} />
			<p className="visually-hidden" role="status">
				{plural(rows.length, "store")} shown
			</p>
			{rows.length ? (
				<Table rows={rows} me={me} onDelete={onDelete} />
			) : (
				<Empty title="No store is like that">
					<button type="button" className="btn btn-outline" onClick={() => setSearch({ status: "", q: "" })}>
						Show all
					</button>
				</Empty>
			)}
		</>
	);
}

export function StoresPage({ me }) {
	const poll = usePoll("/api/stores");
	const [creating, setCreating] = useState(false);
	const [deleting, setDeleting] = useState(null);
	return (
		<>
			<div className="page-head">
				<h1 tabIndex="-1">Stores</h1>
				{may(me, "operator") && (
					<button type="button" className="btn btn-primary" onClick={() => setCreating(true)}>
						New store
					</button>
				)}
			</div>
			<Body poll={poll} me={me} onCreate={() => setCreating(true)} onDelete={setDeleting} />
			{creating && <CreateStore stores={poll.body ?? []} pattern={me.store_address} onClose={() => setCreating(false)} />}
			{deleting && <DeleteStore store={deleting} onClose={() => setDeleting(null)} />}
		</>
	);
}
