// words.js: the words of the API, for people: states, steps, causes and what happened.

export const STATUS = {
	provisioning: { word: "Being set up", tone: "busy" },
	ready: { word: "Ready", tone: "good" },
	degraded: { word: "Needs attention", tone: "warn" },
	failed: { word: "Failed", tone: "bad" },
	deleting: { word: "Being deleted", tone: "busy" },
	deleted: { word: "Deleted", tone: "quiet" },
};

// A ready store that has lost a part stays "ready" in the API; its health tells.
export const stateOf = (store) => (store.status === "ready" && store.health?.state === "degraded" ? "degraded" : store.status);

// In the order in which they are done, as src/model/progress.c names them.
export const STEPS = {
	provision: [
		["namespace", "A place of its own in the cluster"],
		["secrets", "Passwords"],
		["release", "Installing the shop"],
		["database", "Database"],
		["wordpress", "WordPress"],
		["woocommerce", "WooCommerce"],
		["storefront", "Shop page answers"],
	],
	delete: [
		["release", "Uninstalling the shop"],
		["namespace", "Removing its place in the cluster"],
		["volumes", "Removing its data"],
	],
};

export function stepTitle(kind, step) {
	return STEPS[kind]?.find(([name]) => name === step)?.[1] ?? step;
}

// What a plan is made of: the quotas and limits in the chart's values.yaml.
export const PLANS = [
	{ name: "small", title: "Small", memory: "3Gi", cpu: "2", pods: 6, for: "a new shop" },
	{ name: "medium", title: "Medium", memory: "6Gi", cpu: "4", pods: 8, for: "a busy shop" },
	{ name: "large", title: "Large", memory: "12Gi", cpu: "8", pods: 10, for: "many visitors at once" },
];
export const planOf = (name) => PLANS.find((plan) => plan.name === name) ?? { name, title: name };
export const memory = (text) => text?.replace("Gi", " GB").replace("Mi", " MB");

// What to do about a failure, by its code.
const ADVICE = {
	cluster_unreachable: "Look whether Kubernetes is running on the server, then try again.",
	cluster_unauthorized: "Renew the credentials in the platform's kubeconfig, then try again.",
	cluster_forbidden: "Give the platform the rights that are named here, then try again.",
	helm_unusable: "Look whether helm is installed where HELM says, then try again.",
	chart_failed: "The chart or its values need a correction before another try can work.",
	namespace_not_ours: "Choose another name, or remove the namespace of that name by hand.",
	namespace_terminating: "Wait until the old namespace is gone, then try again.",
	admin_password_lost: "Delete the store and make it again: its first password is lost.",
	store_stuck: "Remove the cause that is named here, then try again.",
	init_job_failed: "Try again; what has been done already is kept.",
	not_gone: "Remove what is named here from the cluster, then try again.",
	deadline_exceeded: "Look whether the server has room left, then try again.",
	worker_died: "Try again; the work goes on where it stopped.",
	stopped: "Try again; the work goes on where it stopped.",
};
export const advice = (code) => ADVICE[code] ?? "Try again; what has been done already is kept.";

export const ROLES = {
	viewer: "sees everything, changes nothing",
	operator: "creates stores and changes their own",
	admin: "changes everything, also users and tokens",
};

const named = (d, fallback = "a store") => d.name ?? d.slug ?? fallback;
const of = (d) => d.user ?? "a user";

// action -> [title for the filter, sentence after the actor's name (or "" if it stands alone)]
const ACTIONS = {
	create: ["Store created", (d) => `created ${named(d)}`],
	provision_success: ["Store became ready", (d) => `finished setting up ${named(d)}`],
	provision_failed: ["Set-up failed", (d) => `could not set up ${named(d)}${d.error ? `: ${d.error}` : ""}`],
	provision_stuck: ["Set-up is stuck", (d) => `is held up while setting up ${named(d)}${d.error ? `: ${d.error}` : ""}`],
	retry: ["Tried again", (d) => `asked to try ${d.kind === "delete" ? "the removal" : "the set-up"} of ${named(d)} again`],
	delete_start: ["Deletion asked for", (d) => `asked to delete ${named(d)}`],
	delete_success: ["Store deleted", (d) => `finished deleting ${named(d)}`],
	delete_failed: ["Deletion failed", (d) => `could not delete ${named(d)}${d.error ? `: ${d.error}` : ""}`],
	delete_stuck: ["Deletion is stuck", (d) => `is held up while deleting ${named(d)}${d.error ? `: ${d.error}` : ""}`],
	lease_lost: ["Work taken over", (d) => `took over the work on ${named(d)}`],
	job_resumed: ["Work taken up again", (d) => `took up the ${d.kind === "delete" ? "removal" : "set-up"} of ${named(d)} again`],
	store_degraded: ["Store degraded", (d) => `found ${named(d)} degraded${d.message ? `: ${d.message}` : ""}`],
	store_mended: ["Store whole again", (d) => `found ${named(d)} whole again`],
	namespace_found: ["Namespace without a store found", (d) => `found the namespace ${d.namespace}, which belongs to no store`],
	namespace_gone: ["Namespace without a store gone", (d) => `saw that the namespace ${d.namespace} is gone`],
	namespace_adopted: ["Namespace adopted", (d) => `made a store of the namespace ${d.namespace ?? named(d)}`],
	namespace_removed: ["Namespace removed", (d) => `asked to remove the namespace ${d.namespace ?? named(d)}`],
	setup: ["Platform set up", (d) => `made the first account, ${of(d)}`],
	login: ["Login", () => "logged in"],
	login_failed: ["Login failed", (d) => `tried to log in ${d.user ? `as ${d.user}` : "under an unknown name"}, with no success`],
	login_locked: ["Account locked", (d) => `was locked out ${d.user ? `of ${d.user}'s account` : ""} after too many failed logins`],
	logout: ["Logout", () => "logged out"],
	password_change: ["Password changed", () => "changed the password"],
	user_create: ["User added", (d) => `added ${of(d)}${d.role ? ` as ${d.role}` : ""}`],
	user_change: [
		"User changed",
		(d) =>
			`changed ${of(d)}${d.role_before ? ` from ${d.role_before} to ${d.role}` : ""}${d.password ? (d.role_before ? ", and the password" : ": a new password") : ""}`,
	],
	user_delete: ["User removed", (d) => `removed ${of(d)}`],
	token_create: ["Token made", (d) => `made the token ${d.token ?? ""} for ${of(d)}`],
	token_revoke: ["Token revoked", (d) => `revoked the token ${d.token ?? ""} of ${of(d)}`],
	key_rotate: ["Key changed", (d) => `changed the key ${d.key ?? ""}`],
	import: ["Imported", (d) => `took over ${d.stores ?? "the"} stores and ${d.rows ?? "the"} rows of an earlier platform`],
	refused: ["Refused", (d) => `was refused${d.route || d.path ? ` ${d.method ?? ""} ${d.route ?? d.path}` : ""}`],
};
export const ACTION_WORDS = Object.keys(ACTIONS);
export const actionTitle = (action) => ACTIONS[action]?.[0] ?? action;
export const actionTone = (action) =>
	/failed|locked|refused/.test(action)
		? "bad"
		: /stuck|lease|resumed|degraded|found/.test(action)
			? "warn"
			: /success|mended|setup$/.test(action)
				? "good"
				: "quiet";

export function auditSentence(row) {
	const say = ACTIONS[row.action]?.[1];
	// The provisioner's rows name no store; the API does.
	return say ? say({ name: row.store_name, ...row.details }) : row.action.replaceAll("_", " ");
}
