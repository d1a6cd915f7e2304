// Users.jsx: the accounts, for admins.
import { useState } from "react";
import { call } from "../api.js";
import { useAction, usePoll } from "../hooks.js";
import { poke } from "../poller.js";
import { ROLES } from "../words.js";
import { Confirm } from "./Confirm.jsx";
import { Dialog } from "./Dialog.jsx";
import { Fault } from "./Fault.jsx";
import { Field } from "./Field.jsx";
import { Secret } from "./Secret.jsx";
import { Loading, Unavailable } from "./States.jsx";
import { Ago } from "./Time.jsx";

export function RoleChoice({ label, role, setRole }) {
	return (
		<label className="field d-block">
			<span className="form-label d-block">{label}</span>
			<select className="form-select" value={role} onChange={(event) => setRole(event.target.value)}>
				{Object.entries(ROLES).map(([word, what]) => (
					<option key={word} value={word}>
						{word}: {what}
					</option>
				))}
			</select>
		</label>
	);
}

function AddUser({ onClose }) {
	const [name, setName] = useState("");
	const [role, setRole] = useState("operator");
	const [added, setAdded] = useState(null);
	const [run, busy, error] = useAction(async () => {
		const answer = await call("POST", "/api/users", { body: { name: name.trim(), role } });
		poke();
		setAdded(answer.body);
	});

	function submit(event) {
		event.preventDefault();
		run();
	}

	if (added)
		return (
			<Dialog title={`${added.name} may log in now`} onClose={null}>
				<p>Hand this first password over; it is shown only now. It can be changed on the page Account.</p>
				<Secret label="Password" value={added.password} file={`${added.name}-login.txt`} text={`Name: ${added.name}\nPassword: ${added.password}\n`} />
				<div className="dialog-foot">
					<button type="button" className="btn btn-primary" onClick={onClose}>
						I have saved the password
					</button>
				</div>
			</Dialog>
		);
	return (
		<Dialog title="New user" onClose={busy ? null : onClose}>
			<form onSubmit={submit} noValidate>
				<Fault error={error} />
				<Field
					label="Name"
					value={name}
					onChange={(e) => setName(e.target.value)}
					hint="Lower-case letters and digits, such as anna"
					error={error?.about?.("name")}
				/>
				<RoleChoice label="Role" role={role} setRole={setRole} />
				<div className="dialog-foot">
					<button type="button" className="btn btn-outline" onClick={onClose}>
						Cancel
					</button>
					<button type="submit" className="btn btn-primary" disabled={busy || !name.trim()}>
						Add the user
					</button>
				</div>
			</form>
		</Dialog>
	);
}

function ChangeRole({ user, onClose }) {
	const [role, setRole] = useState(user.role);
	const [run, busy, error] = useAction(async () => {
		await call("PATCH", `/api/users/${user.id}`, { body: { role } });
		poke();
		onClose();
	});
	return (
		<Dialog title={`The role of ${user.name}`} onClose={busy ? null : onClose}>
			<Fault error={error} />
			<RoleChoice label="Role" role={role} setRole={setRole} />
			<p className="small muted">All sessions of {user.name} end with it.</p>
			<div className="dialog-foot">
				<button type="button" className="btn btn-outline" onClick={onClose}>
					Cancel
				</button>
				<button type="button" className="btn btn-primary" onClick={() => run()} disabled={busy || role === user.role}>
					Change it
				</button>
			</div>
		</Dialog>
	);
}

function Row({ user, me, open }) {
	return (
		<tr>
			<td>
				<strong>{user.name}</strong> {user.id === me.id && <span className="muted">(you)</span>}
			</td>
			<td data-label="Role">{user.role}</td>
			<td data-label="Last login">
				<Ago time={user.last_login_at} />
			</td>
			<td className="cell-actions">
				<button type="button" className="btn btn-sm btn-outline" onClick={() => open("role", user)} aria-label={`Change the role of ${user.name}`}>
					Role
				</button>
				<button type="button" className="btn btn-sm btn-quiet-bad" onClick={() => open("remove", user)} aria-label={`Remove ${user.name}`}>
					Remove
				</button>
			</td>
		</tr>
	);
}

export function Users({ me }) {
	const poll = usePoll("/api/users");
	const [dialog, setDialog] = useState(null);
	const close = () => setDialog(null);
	const open = (kind, user) => setDialog({ kind, user });

	async function remove() {
		await call("DELETE", `/api/users/${dialog.user.id}`);
		poke();
	}

	return (
		<section className="section" aria-labelledby="users">
			<div className="section-head">
				<h2 id="users" className="h5">
					Users
				</h2>
				<button type="button" className="btn btn-outline" onClick={() => open("add")}>
					New user
				</button>
			</div>
			{!poll.body ? (
				poll.error ? (
					<Unavailable error={poll.error} />
				) : (
					<Loading rows={2} />
				)
			) : (
				<div className="panel">
					<table className="table">
						<thead>
							<tr>
								<th scope="col">Name</th>
								<th scope="col">Role</th>
								<th scope="col">Last login</th>
								<th scope="col">
									<span className="visually-hidden">Actions</span>
								</th>
							</tr>
						</thead>
						<tbody>
							{poll.body.map((user) => (
								<Row key={user.id} user={user} me={me} open={open} />
							))}
							{!poll.body.length && (
								<tr>
									<td colSpan="4" className="muted">
										There are no accounts.
									</td>
								</tr>
							)}
						</tbody>
					</table>
				</div>
			)}
			{dialog?.kind === "add" && <AddUser onClose={close} />}
			{dialog?.kind === "role" && <ChangeRole user={dialog.user} onClose={close} />}
			{dialog?.kind === "remove" && (
				<Confirm title={`Remove ${dialog.user.name}?`} word="Remove" action={remove} onClose={close}>
					<p>Sessions and tokens of {dialog.user.name} end at once. Stores stay, without an owner.</p>
				</Confirm>
			)}
		</section>
	);
}
