// Banners.jsx: what is true of the whole platform and everybody should see.
import { READY } from "../api.js";
import { sentence } from "../format.js";
import { useNet, useNow, usePoll } from "../hooks.js";
import { poke } from "../poller.js";

// The sentences for gateways' errors are about changes; nothing is changed by looking.
function said(error) {
	return error?.status >= 502 ? "The platform does not answer just now." : (error?.message ?? "The server cannot be reached.");
}

function Offline() {
	const net = useNet();
	useNow(1000);
	if (!net.offline) return null;
	const seconds = Math.max(0, Math.ceil((net.retryAt - Date.now()) / 1000));
	return (
		<div className="banner banner-bad">
			<span role="status">{said(net.error)} What you see may be old.</span>
			{/* The seconds are not for ears: they would never end. */}
			<span aria-hidden="true">{seconds ? `Trying again in ${seconds} s.` : "Trying again…"}</span>
			<button type="button" className="btn btn-sm btn-outline" onClick={poke}>
				Try now
			</button>
		</div>
	);
}

function Unready() {
	const { body } = usePoll(READY);
	const wrong = body?.checks.filter((check) => !check.ok) ?? [];
	if (!wrong.length) return null;
	return (
		<div className="banner banner-warn" role="status">
			<details>
				<summary>The platform cannot work on stores now. Why, and what to do</summary>
				{wrong.map((check) => (
					<p key={check.name} className="mb-0">
						{[check.sentence, check.remedy].filter(Boolean).map(sentence).join(" ")}
					</p>
				))}
			</details>
		</div>
	);
}

export function Banners({ me }) {
	return (
		<>
			{me.by === "local" && (
				<div className="banner banner-warn">
					<span>
						<strong>AUTH is off.</strong> Everybody on this machine may do everything; nobody else is answered.
					</span>
				</div>
			)}
			<Offline />
			<Unready />
		</>
	);
}
