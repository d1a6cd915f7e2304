// leader.js: of the tabs of one browser that can be seen, the one that may poll. It holds a
// lock; the browser hands that on when the tab is hidden, closed or crashes, so that there is
// always one while any can be seen, and none otherwise. Where there are no locks (plain HTTP
// to another machine) each visible tab leads itself.

const LOCK = "store-platform-poller";

export function followLeadership(onLead, onYield) {
	let release = null; // of the lock that we hold
	let waiting = null; // AbortController of our place in the queue
	let leads = false;

	function lead() {
		leads = true;
		onLead();
	}

	function apply() {
		if (document.visibilityState === "visible") {
			if (leads || waiting) return;
			if (!navigator.locks) {
				lead();
				return;
			}
			waiting = new AbortController();
			navigator.locks
				.request(LOCK, { signal: waiting.signal }, () => {
					waiting = null;
					// Hidden between the grant and now: the lock goes back at once.
					if (document.visibilityState !== "visible") return undefined;
					lead();
					return new Promise((resolve) => {
						release = resolve;
					});
				})
				.catch(() => {}); // given up by abort() below
			return;
		}
		waiting?.abort();
		waiting = null;
		if (!leads) return;
		leads = false;
		onYield();
		release?.();
		release = null;
	}

	document.addEventListener("visibilitychange", apply);
	apply();
}
