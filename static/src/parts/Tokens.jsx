// Tokens.jsx: keys for programs, for admins. A token is shown once, when it is made.
import { useState } from "react";
import { call } from "../api.js";
import { useAction, usePoll } from "../hooks.js";
import { poke } from "../poller.js";
import { Confirm } from "./Confirm.jsx";
import { Dialog } from "./Dialog.jsx";
import { Fault } from "./Fault.jsx";
import { Field } from "./Field.jsx";
import { Secret } from "./Secret.jsx";
import { Loading, Unavailable } from "./States.jsx";
import { Ago } from "./Time.jsx";
import { RoleChoice } from "./Users.jsx";

function AddToken({ me, onClose }) {
	const [name, setName] = useState("");
	const [user, setUser] = useState(me.by === "local" ? "" : me.name);
	const [scope, setScope] = useState("viewer");
	const [days, setDays] = useState("90");
	const [made, setMade] = useState(null);
	const [run, busy, error] = useAction(async () => {
		const body = { name: name.trim(), user: user.trim(), scope, expires_in_days: Number(days) };
		const answer = await call("POST", "/api/tokens", { body });
		poke();
		setMade(answer.body);
	});

	function submit(event) {
		event.preventDefault();
		run();
	}

	if (made)
		return (
			<Dialog title={`The token ${made.name}`} onClose={null}>
				<p>It is shown only now. A program sends it in the header Authorization, after the word Bearer.</p>
				<Secret label="Token" value={made.token} file="token.txt" text={`${made.token}\n`} />
				<div className="dialog-foot">
					<button type="button" className="btn btn-primary" onClick={onClose}>
						I have saved the token
					</button>
				</div>
			</Dialog>
		);
	return (
		<Dialog title="New token" onClose={busy ? null : onClose}>
			<form onSubmit={submit} noValidate>
				<Fault error={error} />
				<Field label="What it is for" value={name} onChange={(e) => setName(e.target.value)} hint="Such as: monitoring" error={error?.about?.("name")} />
				<Field label="For the user" value={user} onChange={(e) => setUser(e.target.value)} error={error?.about?.("user")} />
				<RoleChoice label="What it may do" role={scope} setRole={setScope} />
				{error?.about?.("scope") && <div className="field-error">{error.about("scope")}</div>}
				<Field
					label="Days that it lasts"
					type="number"
					min="1"
					value={days}
					onChange={(e) => setDays(e.target.value)}
					error={error?.about?.("expires_in_days")}
				/>
				<div className="dialog-foot">
					<button type="button" className="btn btn-outline" onClick={onClose}>
						Cancel
					</button>
					<button type="submit" className="btn btn-primary" disabled={busy || !name.trim() || !user.trim()}>
						Make the token
					</button>
				</div>
			</form>
		</Dialog>
	);
}

function Row({ token, onRevoke }) {
	const over = token.revoked_at || Date.parse(token.expires_at) < Date.now();
	return (
		<tr className={over ? "muted" : ""}>
			<td>
				<strong className="user-text">{token.name}</strong>
				<div className="small muted">
					<code>{token.key}…</code>
				</div>
			</td>
			<td data-label="User">
				{token.user}, {token.scope}
			</td>
			<td data-label="Last used">
				<Ago time={token.last_used_at} />
			</td>
			<td data-label="Ends">{token.revoked_at ? "revoked" : <Ago time={token.expires_at} />}</td>
			<td className="cell-actions">
				{!over && (
					<button type="button" className="btn btn-sm btn-quiet-bad" onClick={() => onRevoke(token)} aria-label={`Revoke ${token.name}`}>
						Revoke
					</button>
				)}
			</td>
		</tr>
	);
}

export function Tokens({ me }) {
	const poll = usePoll("/api/tokens");
	const [adding, setAdding] = useState(false);
	const [revoking, setRevoking] = useState(null);

	async function revoke() {
		await call("DELETE", `/api/tokens/${revoking.id}`);
		poke();
	}

	return (
		<section className="section" aria-labelledby="tokens">
			<div className="section-head">
				<h2 id="tokens" className="h5">
					Tokens for programs
				</h2>
				<button type="button" className="btn btn-outline" onClick={() => setAdding(true)}>
					New token
				</button>
			</div>
			{!poll.body && (poll.error ? <Unavailable error={poll.error} /> : <Loading rows={2} />)}
			{poll.body?.length === 0 && <p className="muted">There are none.</p>}
			{poll.body?.length > 0 && (
				<div className="panel">
					<table className="table">
						<thead>
							<tr>
								{["Token", "User", "Last used", "Ends"].map((title) => (
									<th key={title} scope="col">
										{title}
									</th>
								))}
								<th scope="col">
									<span className="visually-hidden">Actions</span>
								</th>
							</tr>
						</thead>
						<tbody>
							{poll.body.map((token) => (
								<Row key={token.id} token={token} onRevoke={setRevoking} />
							))}
						</tbody>
					</table>
				</div>
			)}
			{adding && <AddToken me={me} onClose={() => setAdding(false)} />}
			{revoking && (
				<Confirm title={`Revoke ${revoking.name}?`} word="Revoke" action={revoke} onClose={() => setRevoking(null)}>
					<p>Programs that use it are refused at once.</p>
				</Confirm>
			)}
		</section>
	);
}
