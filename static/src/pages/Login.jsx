// Login.jsx: for who is not logged in: a login, or the first account of all.
import { useEffect, useState } from "react";
import { callReady } from "../api.js";
import { useAction } from "../hooks.js";
import { Fault } from "../parts/Fault.jsx";
import { Field } from "../parts/Field.jsx";
import { LoginForm } from "../parts/LoginForm.jsx";
import { setUp } from "../session.js";

function SetupForm() {
	const [token, setToken] = useState("");
	const [name, setName] = useState("");
	const [password, setPassword] = useState("");
	const [run, busy, error] = useAction(() => setUp(token.trim(), name.trim(), password));

	function submit(event) {
		event.preventDefault();
		run();
	}

	return (
		<form onSubmit={submit} noValidate>
			<p>Welcome. There is no account yet: make the first one, which may do everything. The set-up token is in the log of store-api on the server.</p>
			<Fault error={error} />
			<Field label="Set-up token" name="token" autoFocus value={token} onChange={(e) => setToken(e.target.value)} error={error?.about?.("token")} />
			<Field
				label="Your name here"
				name="name"
				autoComplete="username"
				hint="Lower-case letters and digits, such as anna"
				value={name}
				onChange={(e) => setName(e.target.value)}
				error={error?.about?.("name")}
			/>
			<Field
				label="Password"
				name="password"
				type="password"
				autoComplete="new-password"
				hint="At least 12 characters"
				value={password}
				onChange={(e) => setPassword(e.target.value)}
				error={error?.about?.("password")}
			/>
			<button type="submit" className="btn btn-primary w-100" disabled={busy || !token || !name || !password}>
				{busy ? "Making it…" : "Make the first account"}
			</button>
		</form>
	);
}

export function LoginPage() {
	const [first, setFirst] = useState(false);
	useEffect(() => {
		document.title = "Log in · Store Platform";
		callReady()
			.then((ready) => setFirst(ready.setup_needed === true))
			.catch(() => {}); // then it is a login
	}, []);
	return (
		<main className="gate">
			<img src="/icon.svg" alt="" width="48" height="48" />
			<h1 className="h4">Store Platform</h1>
			<div className="panel gate-panel">{first ? <SetupForm /> : <LoginForm />}</div>
		</main>
	);
}
