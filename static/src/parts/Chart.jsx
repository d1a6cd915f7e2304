// Chart.jsx: a chart, and the same as a table for who would rather read, or cannot see it. The
// code that draws is a file of its own, loaded when the first chart is shown.
import { useEffect, useId, useRef, useState } from "react";

let loading;
function loadDrawing() {
	loading ??= import("/charts.js").catch((error) => {
		loading = undefined; // the next chart tries again
		throw error;
	});
	return loading;
}

function Canvas({ spec, label }) {
	const canvas = useRef(null);
	const chart = useRef(null);
	const [broken, setBroken] = useState(false);

	useEffect(() => {
		let gone = false;
		const draw = () =>
			loadDrawing().then(
				({ drawChart }) => {
					if (!gone) chart.current = drawChart(canvas.current, spec, chart.current);
				},
				() => setBroken(true),
			);
		draw();
		const dark = matchMedia("(prefers-color-scheme: dark)");
		addEventListener("themechange", draw);
		dark.addEventListener("change", draw);
		return () => {
			gone = true;
			removeEventListener("themechange", draw);
			dark.removeEventListener("change", draw);
		};
	}, [spec]);
	useEffect(() => () => chart.current?.destroy(), []);

	if (broken) return <p className="muted">The chart cannot be drawn now; its numbers are below.</p>;
	return (
		<div className="canvas-box">
			<canvas ref={canvas} role="img" aria-label={label} />
		</div>
	);
}

function Numbers({ spec }) {
	return (
		<table className="table table-sm numbers">
			<thead>
				<tr>
					<th scope="col">
						<span className="visually-hidden">What</span>
					</th>
					{spec.series.map((one) => (
						<th key={one.title} scope="col">
							{one.title}
						</th>
					))}
				</tr>
			</thead>
			<tbody>
				{spec.labels.map((label, i) => (
					<tr key={label}>
						<th scope="row">{label}</th>
						{spec.series.map((one) => (
							<td key={one.title}>{one.values[i] == null ? "–" : spec.show(one.values[i])}</td>
						))}
					</tr>
				))}
			</tbody>
		</table>
	);
}

export function Chart({ title, spec, none }) {
	const id = useId();
	const empty = !spec.series.some((one) => one.values.some((value) => value));
	return (
		<section className="panel pad" aria-labelledby={id}>
			<h2 id={id} className="h6">
				{title}
			</h2>
			{empty ? (
				<p className="muted mb-0">{none}</p>
			) : (
				<>
					<Canvas spec={spec} label={`${title}: a chart of the numbers in the table below`} />
					<details className="small">
						<summary>The numbers</summary>
						<Numbers spec={spec} />
					</details>
				</>
			)}
		</section>
	);
}
