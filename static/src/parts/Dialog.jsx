// Dialog.jsx: the browser's own modal dialog. It keeps the focus inside, closes on Escape and
// gives the focus back to what opened it.
import { useId, useLayoutEffect, useRef } from "react";

// onClose: null if it cannot be left.
export function Dialog({ title, onClose, children, tone, wide }) {
	const ref = useRef(null);
	const id = useId();

	useLayoutEffect(() => {
		const dialog = ref.current;
		const opener = document.activeElement;
		dialog.showModal();
		// By itself it would be the button that closes.
		(dialog.querySelector("[data-first]") ?? dialog.querySelector(".dialog-body :is(input, select, button)"))?.focus();
		return () => {
			dialog.close();
			// What opened it may be gone by now, as the row of a deleted store.
			if (opener && !opener.isConnected) document.querySelector("h1")?.focus();
		};
	}, []);

	return (
		<dialog
			ref={ref}
			className={`dialog ${wide ? "dialog-wide" : ""} ${tone ?? ""}`}
			aria-labelledby={id}
			onCancel={(event) => {
				event.preventDefault();
				onClose?.();
			}}
		>
			<div className="dialog-head">
				<h2 id={id} className="h5 mb-0">
					{title}
				</h2>
				{onClose && (
					<button type="button" className="btn btn-quiet btn-icon" onClick={onClose} aria-label="Close">
						<span aria-hidden="true">✕</span>
					</button>
				)}
			</div>
			<div className="dialog-body">{children}</div>
		</dialog>
	);
}
