// Secret.jsx: something that is shown once. It lives in the memory of its dialog only.
import { useState } from "react";
import { save } from "../save.js";

export function Secret({ label, value, file, text, onTaken }) {
	const [said, setSaid] = useState("");

	async function copy() {
		try {
			await navigator.clipboard.writeText(value);
			setSaid("Copied.");
			onTaken?.();
		} catch {
			setSaid("Copying is not possible here; mark the text and copy it yourself.");
			onTaken?.();
		}
	}

	function download() {
		save(file, text, "text/plain");
		setSaid("Saved as a file.");
		onTaken?.();
	}

	return (
		<div className="secret">
			<div className="secret-label">{label}</div>
			<code className="secret-value">{value}</code>
			<div className="d-flex gap-2 flex-wrap align-items-center">
				<button type="button" className="btn btn-outline btn-sm" onClick={copy}>
					Copy
				</button>
				<button type="button" className="btn btn-outline btn-sm" onClick={download}>
					Download
				</button>
				<span role="status" className="small muted">
					{said}
				</span>
			</div>
		</div>
	);
}
