// Time.jsx: a time as people say it, with the exact one on demand.
import { exact, relative } from "../format.js";
import { useNow } from "../hooks.js";

export function Ago({ time, none = "never" }) {
	const now = useNow(20_000);
	if (!time) return <span className="muted">{none}</span>;
	return (
		<time dateTime={time} title={exact(time)}>
			{relative(time, now)}
		</time>
	);
}
