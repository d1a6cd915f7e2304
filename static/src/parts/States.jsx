// States.jsx: what stands where a list would, while or because there is none.

export function Loading({ rows = 4 }) {
	return (
		<div className="skeleton" role="status" aria-label="Loading">
			{Array.from({ length: rows }, (_, i) => (
				<div key={i} className="skeleton-row" />
			))}
		</div>
	);
}

export function Empty({ title, children }) {
	return (
		<div className="empty">
			<h2 className="h5">{title}</h2>
			{children}
		</div>
	);
}

// Why a list cannot be shown at all: no right to it, or a fault.
export function Unavailable({ error }) {
	const title = error.status === 403 ? "This is not open to you" : error.status === 404 ? "There is nothing here" : "This cannot be shown";
	return (
		<Empty title={title}>
			<p className="muted">{error.message}</p>
		</Empty>
	);
}
