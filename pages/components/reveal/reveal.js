// Scrolls a container into view when its version changes. Streamlit calls the exported function at every script run.

const RENDER_TIME = 150;  // ms. The container is drawn later than this component.
const shown = new Map();  // key of the container → the version that was revealed

function scrollTo(target) {
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.querySelector(`.st-key-${target}`)?.scrollIntoView({ block: "nearest", behavior: isStill ? "auto" : "smooth" });
}

export default function reveal({ data }) {
  const { target, version } = data;
  if (!version || shown.get(target) === version) return;
  shown.set(target, version);
  setTimeout(scrollTo, RENDER_TIME, target);
}
