// Fault.jsx: an ApiError on the screen.

export function Fault({ error, children }) {
	if (!error) return null;
	return (
		<div className="notice notice-bad" role="alert">
			<div>
				{/* What is said field by field stands at the fields. */}
				{error.details?.length ? "Please look at the fields marked below." : error.message}
				{error.requestId && error.status >= 500 && <span className="d-block small">Request {error.requestId}</span>}
			</div>
			{children}
		</div>
	);
}
