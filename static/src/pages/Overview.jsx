// Overview.jsx: how the platform is doing, as charts that can also be read.
import { useMemo } from "react";
import { count, day, duration, plural, quantile } from "../format.js";
import { usePoll } from "../hooks.js";
import { Chart } from "../parts/Chart.jsx";
import { Loading, Unavailable } from "../parts/States.jsx";
import { STATUS, stepTitle } from "../words.js";

const FAILURES = "/api/stores/audit/log?action=provision_failed&limit=500";
const DAYS_SHOWN = 30;

function Figure({ title, value, children }) {
	return (
		<div className="panel figure-card">
			<div className="small muted">{title}</div>
			<div className="figure-value">{value}</div>
			<div className="small muted">{children}</div>
		</div>
	);
}

function Figures({ m }) {
	const rest = Math.max(0, m.max_stores - m.total_stores);
	return (
		<div className="figures">
			<Figure title="Capacity" value={`${count(m.total_stores)} of ${count(m.max_stores)}`}>
				<meter className="bar" min="0" max={m.max_stores} value={m.total_stores} high={m.max_stores * 0.9} aria-label="Stores of those allowed" />
				{rest ? `${plural(rest, "more store")} possible` : "Full: delete a store or raise MAX_STORES"}
			</Figure>
			<Figure title="Being set up" value={`${count(m.active_provisions)} of ${count(m.max_concurrent_provisions)}`}>
				{m.queued_provisions ? `${count(m.queued_provisions)} more in the queue` : "Nobody waits"}
			</Figure>
			<Figure title="Being deleted" value={count(m.active_deletions)}>
				{m.queued_deletions ? `${count(m.queued_deletions)} more in the queue` : "Nobody waits"}
			</Figure>
			<Figure title="A set-up takes" value={m.avg_provision_duration_seconds ? duration(m.avg_provision_duration_seconds * 1000) : "–"}>
				on average
			</Figure>
		</div>
	);
}

function byStatus(m) {
	const words = ["ready", "provisioning", "failed", "deleting"];
	return {
		kind: "bar",
		labels: words.map((word) => STATUS[word].word),
		series: [{ title: "Stores", values: words.map((word) => m.stores_by_status[word] ?? 0), tones: ["good", "busy", "bad", "quiet"] }],
		show: count,
	};
}

function bySteps(m) {
	const steps = m.steps.filter((step) => step.kind === "provision");
	return {
		kind: "bar",
		labels: steps.map((step) => stepTitle("provision", step.step)),
		series: [
			{ title: "Half take at most", values: steps.map((step) => step.p50_seconds), tone: "one" },
			{ title: "95 of 100 take at most", values: steps.map((step) => step.p95_seconds), tone: "two" },
		],
		show: (seconds) => duration(seconds * 1000),
		unit: "seconds",
	};
}

// The whole set-up, day by day, of the stores that there are.
function overTime(stores) {
	const days = new Map();
	for (const store of stores) {
		if (!store.provision_finished_at || !store.provision_started_at || store.status === "failed") continue;
		const took = (Date.parse(store.provision_finished_at) - Date.parse(store.provision_started_at)) / 1000;
		const date = store.provision_finished_at.slice(0, 10);
		days.set(date, [...(days.get(date) ?? []), took]);
	}
	const dates = [...days.keys()].sort().slice(-DAYS_SHOWN);
	return {
		kind: "line",
		labels: dates.map(day),
		series: [
			{ title: "Half take at most", values: dates.map((date) => quantile(days.get(date), 0.5)), tone: "one" },
			{ title: "95 of 100 take at most", values: dates.map((date) => quantile(days.get(date), 0.95)), tone: "two" },
		],
		show: (seconds) => duration(seconds * 1000),
		unit: "seconds",
	};
}

function byCause(failures) {
	const causes = new Map();
	for (const { details } of failures) {
		const code = details?.code ?? "unknown";
		causes.set(code, (causes.get(code) ?? 0) + 1);
	}
	const sorted = [...causes].sort((a, b) => b[1] - a[1]).slice(0, 8);
	return {
		kind: "bar",
		labels: sorted.map(([code]) => code.replaceAll("_", " ")),
		series: [{ title: "Failures", values: sorted.map(([, n]) => n), tone: "bad" }],
		show: count,
	};
}

export function OverviewPage() {
	const metrics = usePoll("/api/metrics");
	const stores = usePoll("/api/stores").body;
	const failures = usePoll(FAILURES).body;
	const m = metrics.body;
	const charts = useMemo(
		() =>
			m && [
				["Stores by status", byStatus(m), "There are no stores yet."],
				["How long each step takes", bySteps(m), "No store has been set up yet."],
				["How long a set-up takes, by day", overTime(stores ?? []), "No store has been set up yet."],
				["Why set-ups failed", byCause(failures ?? []), "None has failed."],
			],
		[m, stores, failures],
	);
	return (
		<>
			<div className="page-head">
				<h1 tabIndex="-1">Overview</h1>
			</div>
			{!m && (metrics.error ? <Unavailable error={metrics.error} /> : <Loading />)}
			{m && <Figures m={m} />}
			{charts && (
				<div className="charts">
					{charts.map(([title, spec, none]) => (
						<Chart key={title} title={title} spec={spec} none={none} />
					))}
				</div>
			)}
		</>
	);
}
