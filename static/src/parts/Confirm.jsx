// Confirm.jsx: one question before something that cannot be taken back.
import { useAction } from "../hooks.js";
import { Dialog } from "./Dialog.jsx";
import { Fault } from "./Fault.jsx";

export function Confirm({ title, children, word, action, onClose }) {
	const [run, busy, error] = useAction(async () => {
		await action();
		onClose();
	});
	return (
		<Dialog title={title} onClose={busy ? null : onClose} tone="dialog-bad">
			<Fault error={error} />
			{children}
			<div className="dialog-foot">
				<button type="button" className="btn btn-outline" onClick={onClose} disabled={busy}>
					Cancel
				</button>
				<button type="button" className="btn btn-danger" onClick={() => run()} disabled={busy}>
					{word}
				</button>
			</div>
		</Dialog>
	);
}
