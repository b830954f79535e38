// Scrolls a container into view when its version changes. Streamlit calls the exported function at every script run.

import { findPage } from "../streamlit.js";

const RENDER_TIME = 150;  // ms. The container is drawn later than this component.
const FOLLOW_TIME = 10_000;  // ms during which a slow device may still draw the container and its surroundings
const INPUTS = ["pointerdown", "wheel", "touchmove", "keydown"];  // The user may scroll with these.
const shown = new Map();  // key of the container → the version that was revealed

function scrollTo(target) {
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.querySelector(`.st-key-${target}`)?.scrollIntoView({ block: "nearest", behavior: isStill ? "auto" : "smooth" });
}

/** Keep a container in view while the page is still being drawn, until the user takes over. */
function follow(target) {
  const observer = new ResizeObserver(() => scrollTo(target));
  const end = () => {
    observer.disconnect();
    INPUTS.forEach((type) => window.removeEventListener(type, end, true));
  };
  observer.observe(findPage());
  INPUTS.forEach((type) => window.addEventListener(type, end, true));
  setTimeout(end, FOLLOW_TIME);
}

export default function reveal({ data }) {
  const { target, version } = data;
  if (!version || shown.get(target) === version) return;
  shown.set(target, version);
  setTimeout(follow, RENDER_TIME, target);
}
