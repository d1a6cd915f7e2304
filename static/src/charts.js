// charts.js: draws with Chart.js, in the colours of the page. The only file that knows it.
import { BarController, BarElement, CategoryScale, Chart, Legend, LinearScale, LineController, LineElement, PointElement, Tooltip } from "chart.js";

Chart.register(BarController, BarElement, CategoryScale, Legend, LinearScale, LineController, LineElement, PointElement, Tooltip);

function colours() {
	// A variable is only text; as somebody's colour it is what the theme makes of it.
	const probe = document.createElement("i");
	document.body.append(probe);
	const get = (name) => {
		probe.style.color = `var(--${name})`;
		return getComputedStyle(probe).color;
	};
	const all = {
		text: get("text-quiet"),
		line: get("line"),
		good: get("good"),
		bad: get("bad"),
		busy: get("busy"),
		quiet: get("idle"),
		one: get("accent"),
		two: get("second"),
	};
	probe.remove();
	return all;
}

function dataOf({ kind, labels, series }, colour) {
	return {
		labels,
		datasets: series.map((one) => {
			const fill = one.tones ? one.tones.map((tone) => colour[tone]) : colour[one.tone];
			return {
				label: one.title,
				data: one.values,
				backgroundColor: fill,
				borderColor: fill,
				borderWidth: kind === "line" ? 2 : 0,
				borderRadius: 3,
				maxBarThickness: 28,
				pointRadius: 3,
			};
		}),
	};
}

function optionsOf({ kind, series, show, unit }, colour) {
	const flat = kind === "bar"; // bars lie, so that their names can be read
	const values = {
		beginAtZero: true,
		grid: { color: colour.line },
		border: { display: false },
		ticks: { color: colour.text, precision: unit ? undefined : 0, callback: show },
	};
	const names = { grid: { display: false }, ticks: { color: colour.text } };
	return {
		indexAxis: flat ? "y" : "x",
		responsive: true,
		maintainAspectRatio: false,
		animation: false, // it would begin again with each poll
		plugins: {
			legend: { display: series.length > 1, position: "bottom", labels: { color: colour.text, boxWidth: 12, boxHeight: 12 } },
			tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${show(item.raw)}` } },
		},
		scales: flat ? { x: values, y: names } : { x: names, y: values },
	};
}

// Draws, or draws again on the chart that is there; returns the chart.
export function drawChart(canvas, spec, chart) {
	const colour = colours();
	const data = dataOf(spec, colour);
	const options = optionsOf(spec, colour);
	if (!chart) return new Chart(canvas, { type: spec.kind, data, options });
	chart.data = data;
	chart.options = options;
	chart.update("none");
	return chart;
}
