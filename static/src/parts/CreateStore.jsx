// CreateStore.jsx: the dialog that makes a store, and shows its generated password once.
import { useState } from "react";
import { call, newKey } from "../api.js";
import { slugOf } from "../format.js";
import { useAction } from "../hooks.js";
import { poke } from "../poller.js";
import { memory, PLANS } from "../words.js";
import { Dialog } from "./Dialog.jsx";
import { Fault } from "./Fault.jsx";
import { Field } from "./Field.jsx";
import { Secret } from "./Secret.jsx";

function PlanChoice({ plan, setPlan }) {
	return (
		<fieldset className="field">
			<legend className="form-label">Plan</legend>
			<div className="plans">
				{PLANS.map((p) => (
					<label key={p.name} className={`plan ${plan === p.name ? "plan-chosen" : ""}`}>
						<input type="radio" className="form-check-input" name="plan" value={p.name} checked={plan === p.name} onChange={() => setPlan(p.name)} />
						<span>
							<strong>{p.title}</strong>
							<span className="small muted d-block">For {p.for}</span>
							<span className="small d-block">
								{memory(p.memory)} memory, <br />
								{p.cpu} CPUs
							</span>
						</span>
					</label>
				))}
			</div>
		</fieldset>
	);
}

// What the address will be, or why there can be none, before anything is sent. After a request
// whose answer was lost, the store of its address may be its own work: `sent`, the address last
// asked for, is the server's to judge, or nobody could send the request again.
function addressHint(name, slug, sent, stores, pattern) {
	if (!name.trim()) return { hint: "Its address is made of the name.", error: "" };
	if (slug.length < 2) return { hint: "", error: "The name needs at least 2 letters (a to z) or digits, of which the address is made." };
	const other = slug !== sent && stores.find((store) => store.slug === slug);
	if (other) return { hint: "", error: `The address of that name is taken by the store “${other.name}”.` };
	return { hint: `Address: ${pattern.replace("*", slug)}`, error: "" };
}

function Created({ store, onClose }) {
	const [taken, setTaken] = useState(false);
	const lost = !store.admin_password;
	const text = `Store: ${store.name}\nShop: ${store.store_url}\nAdmin pages: ${store.admin_url}\nUser: ${store.admin_user}\nPassword: ${store.admin_password}\n`;
	return (
		<Dialog title={`${store.name} is being set up`} onClose={taken || lost ? onClose : null}>
			{lost ? (
				<p>
					The store is being set up, but the answer with its generated password was lost on the way. Delete the store and make it again, or set a new password
					in WordPress later.
				</p>
			) : (
				<>
					<p>This password is shown only now, and kept nowhere. Copy or save it before you go on.</p>
					<dl className="pairs">
						<dt>Admin pages</dt>
						<dd>{store.admin_url}</dd>
						<dt>User</dt>
						<dd>
							<code>{store.admin_user}</code>
						</dd>
					</dl>
					<Secret label="Password" value={store.admin_password} text={text} file={`${store.slug}-login.txt`} onTaken={() => setTaken(true)} />
				</>
			)}
			<div className="dialog-foot">
				<button type="button" className="btn btn-primary" onClick={onClose}>
					{lost ? "Close" : "I have saved the password"}
				</button>
			</div>
		</Dialog>
	);
}

export function CreateStore({ stores, pattern, onClose }) {
	const [name, setName] = useState("");
	const [plan, setPlan] = useState("small");
	const [adminUser, setAdminUser] = useState("admin");
	const [adminPassword, setAdminPassword] = useState("");
	const [shown, setShown] = useState(false);
	const [created, setCreated] = useState(null);
	const [sent, setSent] = useState({ text: "", key: "", slug: "" });
	const slug = slugOf(name);
	const address = addressHint(name, slug, sent.slug, stores, pattern);

	const [run, busy, error] = useAction(async () => {
		const body = { name: name.trim(), plan, adminUser };
		if (adminPassword) body.adminPassword = adminPassword;
		// The same request sent again, after the connection broke, must not make two stores.
		const text = JSON.stringify(body);
		const attempt = sent.text === text ? sent : { text, key: newKey(), slug };
		setSent(attempt);
		const answer = await call("POST", "/api/stores", { body, key: attempt.key });
		poke();
		if (adminPassword) onClose();
		else setCreated(answer.body);
	});

	if (created) return <Created store={created} onClose={onClose} />;

	function submit(event) {
		event.preventDefault();
		if (!address.error && name.trim()) run();
	}

	return (
		<Dialog title="New store" onClose={busy ? null : onClose} wide>
			<form onSubmit={submit} noValidate>
				<Fault error={error} />
				<Field
					label="Name of the store"
					name="name"
					maxLength="60"
					value={name}
					onChange={(e) => setName(e.target.value)}
					hint={address.hint}
					error={address.error || error?.about?.("name")}
				/>
				<PlanChoice plan={plan} setPlan={setPlan} />
				<div className="pair">
					<Field
						label="Admin user"
						name="adminUser"
						maxLength="30"
						value={adminUser}
						onChange={(e) => setAdminUser(e.target.value)}
						hint="For the shop's WordPress"
						error={error?.about?.("adminUser")}
					/>
					<Field
						label="Admin password"
						name="adminPassword"
						type={shown ? "text" : "password"}
						autoComplete="new-password"
						maxLength="64"
						value={adminPassword}
						onChange={(e) => setAdminPassword(e.target.value)}
						hint="Left empty, a good one is made and shown once."
						error={error?.about?.("adminPassword")}
					>
						<button type="button" className="btn btn-outline" aria-pressed={shown} onClick={() => setShown(!shown)}>
							{shown ? "Hide" : "Show"}
						</button>
					</Field>
				</div>
				<div className="dialog-foot">
					<button type="button" className="btn btn-outline" onClick={onClose} disabled={busy}>
						Cancel
					</button>
					<button type="submit" className="btn btn-primary" disabled={busy || !name.trim() || !!address.error}>
						{busy ? "Creating…" : "Create store"}
					</button>
				</div>
			</form>
		</Dialog>
	);
}
