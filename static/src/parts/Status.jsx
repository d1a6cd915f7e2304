// Status.jsx: a store's state, and how far what is done to it has come.
import { useNow } from "../hooks.js";
import { exact, remaining } from "../format.js";
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

function place(progress, kind) {
	if (progress.queue_position) return progress.queue_position === 1 ? "Next in the queue" : `Number ${progress.queue_position} in the queue`;
	return progress.step ? `Step ${progress.index} of ${progress.of}: ${stepTitle(kind, progress.step)}` : "Starting";
}

export function Progress({ store, whole }) {
	const now = useNow(5000);
	const { progress } = store;
	if (!progress) return null;
	const kind = store.status === "deleting" ? "delete" : "provision";
	const when = kind === "provision" && progress.estimated_ready_at ? remaining(progress.estimated_ready_at, now) : "";
	return (
		<div className="progress-block">
			<progress className="bar" value={progress.percent} max="100" aria-label={`Progress of ${store.name}`} />
			<div className="progress-text">{place(progress, kind)}</div>
			{/* Always two lines, so that nothing jumps when the second is known. */}
			<div className="progress-text" title={when && exact(progress.estimated_ready_at)}>
				{when}
			</div>
			{whole && <div className="progress-text">{progress.message}</div>}
		</div>
	);
}
