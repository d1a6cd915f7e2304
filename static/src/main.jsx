// main.jsx: where it begins.
import { createRoot } from "react-dom/client";
import { App } from "./App.jsx";
import { startPoller } from "./poller.js";
import { startSession } from "./session.js";

startPoller();
startSession();
createRoot(document.getElementById("root")).render(<App />);
