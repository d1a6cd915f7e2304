// Account.jsx: one's own account, and for admins those of the others and the tokens.
import { useState } from "react";
import { call } from "../api.js";
import { useAction } from "../hooks.js";
import { Fault } from "../parts/Fault.jsx";
import { Field } from "../parts/Field.jsx";
import { Tokens } from "../parts/Tokens.jsx";
import { Users } from "../parts/Users.jsx";
import { logoutEverywhere, may } from "../session.js";
import { ROLES } from "../words.js";

function Password() {
	const [current, setCurrent] = useState("");
	const [next, setNext] = useState("");
	const [done, setDone] = useState(false);
	const [run, busy, error] = useAction(async () => {
		setDone(false);
		await call("POST", "/api/me/password", { body: { current_password: current, new_password: next } });
		setCurrent("");
		setNext("");
		setDone(true);
	});

	function submit(event) {
		event.preventDefault();
		run();
	}

	return (
		<form onSubmit={submit} noValidate>
			<h3 className="h6">Change the password</h3>
			<Fault error={error} />
			<p role="status" className={done ? "notice notice-good" : "visually-hidden"}>
				{done && "The password is changed, and every other session has ended."}
			</p>
			<div className="pair">
				<Field
					label="Password now"
					type="password"
					autoComplete="current-password"
					value={current}
					onChange={(e) => setCurrent(e.target.value)}
					error={error?.about?.("current_password")}
				/>
				<Field
					label="New password"
					type="password"
					autoComplete="new-password"
					hint="At least 12 characters"
					value={next}
					onChange={(e) => setNext(e.target.value)}
					error={error?.about?.("new_password")}
				/>
			</div>
			<button type="submit" className="btn btn-outline" disabled={busy || !current || !next}>
				Change it
			</button>
		</form>
	);
}

function Everywhere() {
	const [run, busy, error] = useAction(logoutEverywhere);
	return (
		<div>
			<h3 className="h6">Sign out everywhere</h3>
			<p className="small muted">Ends all your sessions in all browsers, this one too. Tokens stay.</p>
			<Fault error={error} />
			<button type="button" className="btn btn-outline" onClick={() => run()} disabled={busy}>
				Sign out everywhere
			</button>
		</div>
	);
}

export function AccountPage({ me }) {
	return (
		<>
			<div className="page-head">
				<h1 tabIndex="-1">Account</h1>
			</div>
			<section className="panel pad" aria-labelledby="own">
				<h2 id="own" className="h5">
					{me.by === "local" ? "This machine" : me.name}
				</h2>
				<p className="muted">
					{me.role}: {ROLES[me.role]}
				</p>
				{me.by === "session" && (
					<div className="columns">
						<Password />
						<Everywhere />
					</div>
				)}
			</section>
			{may(me, "admin") && <Users me={me} />}
			{may(me, "admin") && <Tokens me={me} />}
		</>
	);
}
