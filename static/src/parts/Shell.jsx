// Shell.jsx: what stands around every page.
import { useEffect, useRef, useState } from "react";
import { READY } from "../api.js";
import { useAction, useNet, usePoll } from "../hooks.js";
import { Link, usePath } from "../router.jsx";
import { logout } from "../session.js";
import { Banners } from "./Banners.jsx";
import { Notices } from "./Notices.jsx";
import { Loading } from "./States.jsx";

const PLACES = [
	["/", "Stores"],
	["/activity", "Activity log"],
	["/overview", "Overview"],
	["/account", "Account"],
];

const THEMES = ["auto", "light", "dark"];

function Theme() {
	const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "auto");
	function choose(next) {
		setTheme(next);
		if (next === "auto") delete document.documentElement.dataset.theme;
		else document.documentElement.dataset.theme = next;
		// Charts are drawn, not styled: they have to be told.
		dispatchEvent(new Event("themechange"));
		try {
			localStorage.setItem("theme", next);
		} catch {
			// Storage is switched off: then it is for this visit.
		}
	}
	return (
		<select className="form-select form-select-sm theme" aria-label="Colours" value={theme} onChange={(event) => choose(event.target.value)}>
			{THEMES.map((name) => (
				<option key={name} value={name}>
					{name[0].toUpperCase() + name.slice(1)}
				</option>
			))}
		</select>
	);
}

function Who({ me }) {
	const [leave, busy] = useAction(logout);
	return (
		<div className="who">
			<Theme />
			<span className="who-name" title={me.role}>
				{me.by === "local" ? "This machine" : me.name}
			</span>
			{me.by === "session" && (
				<button type="button" className="btn btn-outline btn-sm" onClick={leave} disabled={busy}>
					Sign out
				</button>
			)}
		</div>
	);
}

export function Shell({ me, children }) {
	const path = usePath();
	const main = useRef(null);
	const first = useRef(true);
	const net = useNet();
	// What banner there is has its place before the page has, so that it pushes nothing away.
	const known = usePoll(READY).at || net.offline;

	// A new page begins at its heading, for the keyboard and for who listens.
	useEffect(() => {
		if (!known) return;
		const heading = main.current.querySelector("h1");
		document.title = `${heading?.textContent ?? "Stores"} · Store Platform`;
		if (first.current) first.current = false;
		else if (path) heading?.focus({ preventScroll: true });
	}, [path, known]);

	return (
		<>
			<a className="skip" href="#main">
				Skip to the content
			</a>
			<header className="top">
				<div className="frame top-inner">
					<Link to="/" className="brand">
						<img src="/icon.svg" alt="" width="28" height="28" />
						Store Platform
					</Link>
					<nav className="places" aria-label="Pages">
						{PLACES.map(([to, title]) => {
							const here = to === "/" ? path === "/" || path.startsWith("/stores/") : path === to;
							return (
								<Link key={to} to={to} className="place" aria-current={here ? "page" : undefined}>
									{title}
								</Link>
							);
						})}
					</nav>
					<Who me={me} />
				</div>
			</header>
			<Banners me={me} />
			<main key={known ? "page" : "loading"} id="main" className="frame" ref={main}>
				{known ? children : <Loading />}
			</main>
			<Notices />
		</>
	);
}
