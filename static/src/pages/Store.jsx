// Store.jsx: everything about one store.
import { useEffect, useState } from "react";
import { exact } from "../format.js";
import { usePoll } from "../hooks.js";
import { DeleteStore } from "../parts/DeleteStore.jsx";
import { Failure } from "../parts/Failure.jsx";
import { Resources } from "../parts/Resources.jsx";
import { Empty, Loading, Unavailable } from "../parts/States.jsx";
import { Progress, Status } from "../parts/Status.jsx";
import { Ago } from "../parts/Time.jsx";
import { Events, Timeline } from "../parts/Timeline.jsx";
import { Link } from "../router.jsx";
import { mayChange } from "../session.js";
import { stateOf } from "../words.js";

function Facts({ store }) {
	return (
		<section className="panel side" aria-labelledby="facts">
			<h2 id="facts" className="h6">
				About it
			</h2>
			<dl className="pairs">
				<dt>Address</dt>
				<dd className="user-text">{store.store_url}</dd>
				<dt>Admin user</dt>
				<dd>
					<code>{store.admin_user}</code>
				</dd>
				{store.status === "ready" && (
					<>
						<dt>Health</dt>
						<dd className="user-text">
							{store.health.message}
							{store.health.checked_at && (
								<div className="small muted">
									seen <Ago time={store.health.checked_at} />
								</div>
							)}
						</dd>
					</>
				)}
				<dt>Owner</dt>
				<dd>{store.owner ?? "none"}</dd>
				<dt>Made</dt>
				<dd>
					<Ago time={store.created_at} />
					<div className="small muted">{exact(store.created_at)}</div>
				</dd>
				<dt>Namespace</dt>
				<dd>
					<code>{store.namespace}</code>
				</dd>
			</dl>
			<Resources store={store} />
		</section>
	);
}

// The same heading from the first moment on: the focus is there already.
function Head({ store, gone }) {
	const name = store?.name ?? "Store";
	useEffect(() => {
		document.title = `${name} · Store Platform`;
	}, [name]);
	return (
		<div className="page-head">
			<div>
				<Link to="/" className="small back">
					← All stores
				</Link>
				<h1 tabIndex="-1" className="user-text">
					{name}
				</h1>
				{store && <Status status={gone ? "deleted" : stateOf(store)} />}
			</div>
			{store?.status === "ready" && !gone && (
				<div className="d-flex gap-2">
					<a className="btn btn-primary" href={store.store_url} target="_blank" rel="noreferrer">
						Open the shop
					</a>
					<a className="btn btn-outline" href={store.admin_url} target="_blank" rel="noreferrer">
						Admin pages
					</a>
				</div>
			)}
		</div>
	);
}

function workTitle(store) {
	if (store.status === "failed") return "Where it stopped";
	if (store.job?.kind === "delete") return "How it is being deleted";
	return store.status === "provisioning" ? "How it is being set up" : "How it was set up";
}

function Gone({ known, events }) {
	return (
		<>
			<Empty title={known ? "This store is deleted" : "There is no such store"}>
				<p className="muted">{known ? "Nothing of it is left in the cluster." : "It may have been deleted, or the address is mistyped."}</p>
				<Link to="/" className="btn btn-outline">
					All stores
				</Link>
			</Empty>
			{events && <Events events={events} />}
		</>
	);
}

function Whole({ store, events, me }) {
	const [deleting, setDeleting] = useState(false);
	const allowed = mayChange(me, store);
	return (
		<>
			<div className="columns">
				<div>
					<section className="panel" aria-labelledby="work">
						<h2 id="work" className="h6">
							{workTitle(store)}
						</h2>
						{store.status === "failed" ? <Failure store={store} allowed={allowed} /> : store.status !== "ready" && <Progress store={store} whole />}
						{events ? <Timeline store={store} events={events} /> : <Loading rows={3} />}
					</section>
					{events && <Events events={events} />}
				</div>
				<div>
					<Facts store={store} />
					{allowed && store.status !== "deleting" && (
						<section className="panel side danger" aria-labelledby="danger">
							<h2 id="danger" className="h6">
								Danger zone
							</h2>
							<p className="small">Deletes the shop with all its orders and data, for good.</p>
							<button type="button" className="btn btn-outline-danger" onClick={() => setDeleting(true)}>
								Delete this store
							</button>
						</section>
					)}
				</div>
			</div>
			{deleting && <DeleteStore store={store} onClose={() => setDeleting(false)} />}
		</>
	);
}

export function StorePage({ id, me }) {
	const poll = usePoll(`/api/stores/${id}`);
	const events = usePoll(`/api/stores/${id}/events`).body;
	const store = poll.body;
	// Its row is gone at the moment at which it is deleted; what was done stays to be seen.
	const gone = poll.error?.status === 404;
	return (
		<>
			<Head store={store} gone={gone} />
			{gone && <Gone known={!!store} events={events} />}
			{!gone && store && <Whole store={store} events={events} me={me} />}
			{!gone && !store && (poll.error ? <Unavailable error={poll.error} /> : <Loading />)}
		</>
	);
}
