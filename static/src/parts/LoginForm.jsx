// LoginForm.jsx: name and password, on a page of its own or on top of what is being done.
import { useState } from "react";
import { useAction } from "../hooks.js";
import { login } from "../session.js";
import { Fault } from "./Fault.jsx";
import { Field } from "./Field.jsx";

export function LoginForm({ name: known = "" }) {
	const [name, setName] = useState(known);
	const [password, setPassword] = useState("");
	const [run, busy, error] = useAction(() => login(name.trim(), password));

	function submit(event) {
		event.preventDefault();
		run();
	}

	return (
		<form onSubmit={submit} noValidate>
			<Fault error={error} />
			<Field
				label="Name"
				name="name"
				autoComplete="username"
				autoFocus={!known}
				value={name}
				onChange={(e) => setName(e.target.value)}
				error={error?.about?.("name")}
			/>
			<Field
				label="Password"
				name="password"
				type="password"
				autoComplete="current-password"
				autoFocus={!!known}
				data-first={known ? "" : undefined}
				value={password}
				onChange={(e) => setPassword(e.target.value)}
				error={error?.about?.("password")}
			/>
			<button type="submit" className="btn btn-primary w-100" disabled={busy || !name || !password}>
				{busy ? "Logging in…" : "Log in"}
			</button>
		</form>
	);
}
