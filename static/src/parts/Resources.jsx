// Resources.jsx: what a store may use, and what it has taken of that.
import { Fragment } from "react";
import { cpus, size } from "../format.js";
import { memory, planOf } from "../words.js";

// What the API calls it, for people, how it looks, and how the plan has it.
const KINDS = [
	["memory_bytes", "Memory", size, (plan) => memory(plan.memory)],
	["cpu_millicores", "CPUs", cpus, (plan) => plan.cpu],
	["pods", "Pods", String, (plan) => plan.pods],
];

function Share({ share, title, show }) {
	return (
		<>
			{show(share.used)} of {show(share.limit)}
			<meter className="bar" min="0" max={share.limit} value={share.used} high={share.limit * 0.9} aria-label={`${title} taken`} />
		</>
	);
}

export function Resources({ store }) {
	const plan = planOf(store.plan);
	const { resources } = store;
	return (
		<>
			<h3 className="h6">{resources ? "What it has taken of its quota" : "What it may use at most"}</h3>
			<dl className="pairs">
				<dt>Plan</dt>
				<dd>{plan.title}</dd>
				{KINDS.map(([key, title, show, planned]) => (
					<Fragment key={key}>
						<dt>{title}</dt>
						<dd>{resources ? <Share share={resources[key]} title={title} show={show} /> : planned(plan)}</dd>
					</Fragment>
				))}
			</dl>
		</>
	);
}
