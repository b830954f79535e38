// Reloads the page after a reconnect if another session answers.
//
// A server that was restarted starts a new session, which does not know the canvas of this page. After a reconnect the browser
// asks the server for a higher number of reconnects. If the answer does not come, the page is reloaded. The new page
// finds the saved lab by the address.

import { isConnected, observeConnection } from "../streamlit.js";

const QUESTION_DELAY = 500, ANSWER_TIMEOUT = 5000;  // ms
let reconnects = null;

/** Store the server's number of reconnects. */
export function setReconnects(count) {
  reconnects = count;
}

/** Call `ask` after every reconnect, and reload the page if no answer comes. Return a function that stops this. */
export function watchConnection(ask) {
  let wasConnected = isConnected();
  return observeConnection(() => {
    if (isConnected() && !wasConnected) {
      const before = reconnects;
      setTimeout(ask, QUESTION_DELAY);
      setTimeout(() => { if (reconnects === before) location.reload(); }, ANSWER_TIMEOUT);
    }
    wasConnected = isConnected();
  });
}
