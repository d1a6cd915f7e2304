// Failure.jsx: why a store failed, what to do, and the button that does it.
import { call } from "../api.js";
import { sentence } from "../format.js";
import { useAction } from "../hooks.js";
import { poke } from "../poller.js";
import { advice } from "../words.js";

export function Failure({ store, allowed }) {
	const [retry, busy, error] = useAction(async () => {
		await call("POST", `/api/stores/${store.id}/retry`);
		poke();
	});
	return (
		<div className="failure">
			<div className="user-text">{sentence(store.error_message ?? "no reason is known")}</div>
			<div className="small muted">{advice(store.error_code)}</div>
			{error && (
				<div className="field-error" role="alert">
					{error.message}
				</div>
			)}
			{allowed && (
				<button type="button" className="btn btn-sm btn-outline mt-1" onClick={retry} disabled={busy} aria-label={`Try again: ${store.name}`}>
					{busy ? "Asking…" : "Try again"}
				</button>
			)}
		</div>
	);
}
