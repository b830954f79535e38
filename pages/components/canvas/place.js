// Where the canvas is; stands before canvas.js and live.js.
const PLACE = ".st-key-canvas";
const place = () => document.querySelector(PLACE);

function find(root, selector) {
  const here = root.querySelector(selector);
  if (here) return here;
  for (const element of root.querySelectorAll("*")) {
    const inside = element.shadowRoot && find(element.shadowRoot, selector);
    if (inside) return inside;
  }
  return null;
}

