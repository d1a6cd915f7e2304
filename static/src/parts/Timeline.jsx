// Timeline.jsx: the steps of a store's job as they happen, and all that was noted of it.
import { serverNow } from "../api.js";
import { duration } from "../format.js";
import { useNow } from "../hooks.js";
import { STEPS, stepTitle } from "../words.js";
import { Ago } from "./Time.jsx";

const WORDS = { started: "under way", done: "done", failed: "failed", waiting: "not yet" };
const SIGNS = { started: "●", done: "✓", failed: "✕", waiting: "○" };

// The newest event of each step in the newest job.
function latest(events, job) {
	const steps = new Map();
	for (const event of events) if (event.state !== "info" && (!job || event.job_id === job.id)) steps.set(event.step, event);
	return steps;
}

function Elapsed({ since }) {
	useNow(1000);
	return duration(Math.max(0, Math.floor((serverNow() - Date.parse(since)) / 1000) * 1000 + 1));
}

function Step({ title, event, running }) {
	// What was under way when its job ended is not under way any more.
	const state = !event ? "waiting" : event.state === "started" && !running ? "failed" : event.state;
	return (
		<li className={`step step-${state}`} aria-current={state === "started" ? "step" : undefined}>
			<span className="step-sign" aria-hidden="true">
				{SIGNS[state]}
			</span>
			<span className="step-title">
				{title}
				<span className="visually-hidden">, {WORDS[state]}</span>
			</span>
			<span className="step-time">
				{state === "started" ? <Elapsed since={event.created_at} /> : event?.duration_ms != null ? duration(event.duration_ms) : ""}
			</span>
		</li>
	);
}

export function Timeline({ store, events }) {
	const kind = store.job?.kind ?? "provision";
	const running = store.job?.state === "running" || store.job?.state === "retry";
	const steps = latest(events, store.job);
	return (
		<ol className="steps">
			{STEPS[kind].map(([name, title]) => (
				<Step key={name} title={title} event={steps.get(name)} running={running} />
			))}
		</ol>
	);
}

export function Events({ events }) {
	if (!events.length) return null;
	return (
		<details className="panel events">
			<summary>Everything that was noted ({events.length})</summary>
			<ol className="event-list">
				{[...events].reverse().map((event) => (
					<li key={event.id} className={`event event-${event.state}`}>
						<span>
							<strong>{stepTitle(event.kind, event.step)}</strong> {WORDS[event.state] ?? ""}
							{event.duration_ms != null && ` after ${duration(event.duration_ms)}`}
							{event.attempt > 1 && `, attempt ${event.attempt}`}
							{event.message && <span className="d-block small user-text muted">{event.message}</span>}
						</span>
						<span className="small muted">
							<Ago time={event.created_at} />
						</span>
					</li>
				))}
			</ol>
		</details>
	);
}
