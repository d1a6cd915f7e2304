// Notices.jsx: tells, by sight and to screen readers, that a store became ready, failed or is
// gone, whichever page is open.
import { useEffect, useRef, useState } from "react";
import { usePoll } from "../hooks.js";
import { Link } from "../router.jsx";

const SHOWN_MS = 12_000;

function changes(before, after) {
	const news = [];
	const left = new Map(before.map((store) => [store.id, store]));
	for (const store of after) {
		const was = left.get(store.id);
		left.delete(store.id);
		if (!was || was.status === store.status) continue;
		if (store.status === "ready") news.push({ tone: "good", store, text: `${store.name} is ready.` });
		if (store.status === "failed") news.push({ tone: "bad", store, text: `${store.name} failed: ${store.error_message ?? "no reason is known."}` });
	}
	for (const store of left.values()) if (store.status === "deleting") news.push({ tone: "quiet", text: `${store.name} is deleted.` });
	return news;
}

export function Notices() {
	const { body } = usePoll("/api/stores");
	const before = useRef(null);
	const [shown, setShown] = useState([]);

	useEffect(() => {
		if (!body) return;
		const news = before.current ? changes(before.current, body) : [];
		before.current = body;
		if (news.length) {
			const at = Date.now();
			setShown((old) => [...old, ...news.map((item, i) => ({ ...item, key: `${at}-${i}` }))].slice(-4));
		}
	}, [body]);

	useEffect(() => {
		if (!shown.length) return undefined;
		const timer = setTimeout(() => setShown((old) => old.slice(1)), SHOWN_MS);
		return () => clearTimeout(timer);
	}, [shown]);

	return (
		<div className="toasts" role="status" aria-live="polite" aria-label="News of stores">
			{shown.map((item) => (
				<div key={item.key} className={`toast-card tone-${item.tone}`}>
					<span className="dot" aria-hidden="true" />
					<span className="toast-text">{item.text}</span>
					{item.store && <Link to={`/stores/${item.store.id}`}>Look</Link>}
					<button
						type="button"
						className="btn btn-quiet btn-icon"
						aria-label="Put away"
						onClick={() => setShown((old) => old.filter((other) => other !== item))}
					>
						<span aria-hidden="true">✕</span>
					</button>
				</div>
			))}
		</div>
	);
}
