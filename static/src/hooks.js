// hooks.js: how React parts get at what lives outside of React.
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { serverNow } from "./api.js";
import { getNet, snapshot, watch, watchNet } from "./poller.js";

// The newest answer of a path: {body, error, total, next, at}; at is 0 before the first.
export function usePoll(path) {
	const subscribe = useCallback((listener) => watch(path, listener), [path]);
	return useSyncExternalStore(subscribe, () => snapshot(path));
}

export function useNet() {
	return useSyncExternalStore(watchNet, getNet);
}

// The time, as it was when it last mattered: it ticks for the parts that show it.
export function useNow(everyMs) {
	const [now, setNow] = useState(serverNow);
	useEffect(() => {
		const tick = () => document.visibilityState === "visible" && setNow(serverNow());
		const timer = setInterval(tick, everyMs);
		document.addEventListener("visibilitychange", tick);
		return () => {
			clearInterval(timer);
			document.removeEventListener("visibilitychange", tick);
		};
	}, [everyMs]);
	return now;
}

// Runs something that talks to the server: [run, busy, error, setError].
export function useAction(action) {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState(null);
	const run = async (...args) => {
		if (busy) return;
		setBusy(true);
		setError(null);
		try {
			await action(...args);
		} catch (fault) {
			setError(fault);
		} finally {
			setBusy(false);
		}
	};
	return [run, busy, error, setError];
}
