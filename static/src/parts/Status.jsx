// Status.jsx: a store's state, and how far what is done to it has come.
import { useNow } from "../hooks.js";
import { remaining } from "../format.js";
import { STATUS, stepTitle } from "../words.js";

export function Status({ status }) {
	const { word, tone } = STATUS[status] ?? { word: status, tone: "quiet" };
	return (
		<span className={`badge-status tone-${tone}`}>
			<span className="dot" aria-hidden="true" />
			{word}
		</span>
	);
}

function place(progress, kind, now) {
	if (progress.queue_position) return progress.queue_position === 1 ? "Next in the queue" : `Number ${progress.queue_position} in the queue`;
	const step = progress.step ? `Step ${progress.index} of ${progress.of}: ${stepTitle(kind, progress.step)}` : "Starting";
	return progress.estimated_ready_at && kind === "provision" ? `${step}, ${remaining(progress.estimated_ready_at, now)}` : step;
}

export function Progress({ store, whole }) {
	const now = useNow(5000);
	const { progress } = store;
	if (!progress) return null;
	const kind = store.status === "deleting" ? "delete" : "provision";
	const text = place(progress, kind, now);
	return (
		<div className="progress-block">
			<progress className="bar" value={progress.percent} max="100" aria-label={`Progress of ${store.name}`} />
			<div className="progress-text">{text}</div>
			{whole && <div className="progress-text">{progress.message}</div>}
		</div>
	);
}
