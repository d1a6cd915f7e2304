// Field.jsx: one labelled field of a form, with its hint and what is wrong with it.
import { useId } from "react";

export function Field({ label, hint, error, children, ...input }) {
	const id = useId();
	const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
	return (
		<div className="field">
			<label htmlFor={id} className="form-label">
				{label}
			</label>
			<div className="d-flex gap-2">
				<input
					id={id}
					className={`form-control ${error ? "is-invalid" : ""}`}
					aria-describedby={described}
					aria-invalid={error ? true : undefined}
					autoComplete="off"
					spellCheck="false"
					{...input}
				/>
				{children}
			</div>
			{error && (
				<div id={`${id}-error`} className="field-error">
					{error}
				</div>
			)}
			{hint && (
				<div id={`${id}-hint`} className="field-hint">
					{hint}
				</div>
			)}
		</div>
	);
}
