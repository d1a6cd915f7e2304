// router.jsx: the address bar as the only memory of where one is.
import { useSyncExternalStore } from "react";

const listeners = new Set();
function tell() {
	for (const listener of listeners) listener();
}
addEventListener("popstate", tell);

function subscribe(listener) {
	listeners.add(listener);
	return () => listeners.delete(listener);
}

export function usePath() {
	return useSyncExternalStore(subscribe, () => location.pathname);
}
export function useSearch() {
	return new URLSearchParams(useSyncExternalStore(subscribe, () => location.search));
}

export function navigate(to) {
	history.pushState(null, "", to);
	tell();
	scrollTo(0, 0);
}

// Filters change what is shown of a page; they are no place to go back to.
export function setSearch(values) {
	const search = new URLSearchParams(location.search);
	for (const [key, value] of Object.entries(values)) {
		if (value) search.set(key, value);
		else search.delete(key);
	}
	const text = search.toString();
	history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
	tell();
}

export function Link({ to, children, ...rest }) {
	function follow(event) {
		// A new tab is the browser's matter.
		if (event.defaultPrevented || event.button !== 0) return;
		if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
		event.preventDefault();
		navigate(to);
	}
	return (
		<a href={to} onClick={follow} {...rest}>
			{children}
		</a>
	);
}
