// The state of the Streamlit app. This is the only script that depends on Streamlit's own elements. The style rules that
// depend on them are in streamlit.css. tests/browser/test_selectors.py checks both files against a running app.

const app = () => document.querySelector("[data-testid=stApp]");

/** Return whether a script run is under way. */
export const isScriptRunning = () => app()?.dataset.testScriptState !== "notRunning";

/** Return whether the browser is connected to the server. */
export const isConnected = () => app()?.dataset.testConnectionState === "CONNECTED";

/** Return the address of a file that the server offers below its base path, for example at "/media/1.bin". */
export function serverUrl(path) {
  const base = window.__streamlit?.BACKEND_BASE_URL ?? location.origin + location.pathname.replace(/\/Draw\/?$/u, "/");
  return base.replace(/\/$/u, "") + path;
}

/** Call `onChange` whenever the state of the connection changes, and return a function that stops this. */
export function observeConnection(onChange) {
  const observer = new MutationObserver(onChange);
  if (app()) observer.observe(app(), { attributes: true, attributeFilter: ["data-test-connection-state"] });
  return () => observer.disconnect();
}

/** Return the element that contains the output of the page's script. */
export const findPage = () => document.querySelector("[data-testid=stMainBlockContainer]");
