// DeleteStore.jsx: asks for the name, so that nobody deletes a store by a slip.
import { useState } from "react";
import { call } from "../api.js";
import { useAction } from "../hooks.js";
import { poke } from "../poller.js";
import { Dialog } from "./Dialog.jsx";
import { Fault } from "./Fault.jsx";
import { Field } from "./Field.jsx";

export function DeleteStore({ store, onClose }) {
	const [typed, setTyped] = useState("");
	const [run, busy, error] = useAction(async () => {
		await call("DELETE", `/api/stores/${store.id}`);
		poke();
		onClose();
	});
	const same = typed.trim() === store.name.trim();

	function submit(event) {
		event.preventDefault();
		if (same) run();
	}

	return (
		<Dialog title={`Delete ${store.name}?`} onClose={busy ? null : onClose} tone="dialog-bad">
			<form onSubmit={submit} noValidate>
				<Fault error={error} />
				<p>The shop, its orders, customers, pictures and database are removed for good. This cannot be undone.</p>
				<Field
					label={
						<>
							Type the store's name, <strong className="user-text">{store.name}</strong>
						</>
					}
					name="confirm"
					value={typed}
					onChange={(e) => setTyped(e.target.value)}
				/>
				<div className="dialog-foot">
					<button type="button" className="btn btn-outline" onClick={onClose} disabled={busy}>
						Keep it
					</button>
					<button type="submit" className="btn btn-danger" disabled={busy || !same}>
						{busy ? "Deleting…" : "Delete for good"}
					</button>
				</div>
			</form>
		</Dialog>
	);
}
