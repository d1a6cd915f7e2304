// App.jsx: which page is shown, and to whom.
import { useEffect } from "react";
import { Dialog } from "./parts/Dialog.jsx";
import { LoginForm } from "./parts/LoginForm.jsx";
import { Shell } from "./parts/Shell.jsx";
import { Empty, Loading } from "./parts/States.jsx";
import { AccountPage } from "./pages/Account.jsx";
import { ActivityPage } from "./pages/Activity.jsx";
import { LoginPage } from "./pages/Login.jsx";
import { OverviewPage } from "./pages/Overview.jsx";
import { StorePage } from "./pages/Store.jsx";
import { StoresPage } from "./pages/Stores.jsx";
import { usePath } from "./router.jsx";
import { loadSession, useSession } from "./session.js";

const RETRY_MS = 5000;

function Page({ path, me }) {
	const store = /^\/stores\/([0-9a-f-]{36})\/?$/.exec(path)?.[1];
	if (path === "/") return <StoresPage me={me} />;
	if (store) return <StorePage key={store} id={store} me={me} />;
	if (path === "/activity") return <ActivityPage />;
	if (path === "/overview") return <OverviewPage />;
	if (path === "/account") return <AccountPage me={me} />;
	return (
		<>
			<h1 tabIndex="-1">Not found</h1>
			<Empty title="There is no such page" />
		</>
	);
}

// The server could not say who this is: nothing can be shown before it does.
function Broken({ error }) {
	useEffect(() => {
		const timer = setInterval(loadSession, RETRY_MS);
		return () => clearInterval(timer);
	}, []);
	return (
		<main className="gate">
			<h1 className="h4">Store Platform</h1>
			<p role="alert">{error.message}</p>
			<p className="muted">It is tried again by itself.</p>
		</main>
	);
}

export function App() {
	const { phase, me, error } = useSession();
	const path = usePath();

	if (phase === "loading")
		return (
			<main className="frame">
				<Loading />
			</main>
		);
	if (phase === "broken") return <Broken error={error} />;
	if (phase === "out") return <LoginPage />;
	return (
		<>
			<Shell me={me}>
				<Page path={path} me={me} />
			</Shell>
			{phase === "ended" && (
				<Dialog title="Your session has ended" onClose={null}>
					<p>Log in to go on; what you were doing is still there.</p>
					<LoginForm name={me.name} />
				</Dialog>
			)}
		</>
	);
}
