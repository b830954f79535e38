// Ten buttons that label the drawing. Each shows the bars of its digit's probabilities. The buttons are created once, and a new
// prediction only changes the heights of the bars.

const N_DIGITS = 10;
const DIGIT_KEY = /^[0-9]$/u;
const isTyping = (event) => event.composedPath()[0]?.closest?.("input, textarea, [contenteditable=true]");
let label = null;  // the function of the latest script run that labels the drawing with a digit
let areKeysOn = false;

window.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (areKeysOn && DIGIT_KEY.test(event.key) && isPlain && !isTyping(event) && label) label(Number(event.key));
}, true);

function createColumn(digit, nModels) {
  const button = Object.assign(document.createElement("button"), { type: "button", name: String(digit) });
  const plot = Object.assign(document.createElement("span"), { className: "plot", ariaHidden: "true" });
  const bars = Array.from({ length: nModels }, () => document.createElement("i"));
  plot.append(...bars);
  const key = Object.assign(document.createElement("span"), { className: "key", textContent: String(digit) });
  button.append(plot, key);
  button.onclick = () => label?.(digit);
  return { button, plot, bars };
}

function createColumns(group, nModels) {
  const columns = Array.from({ length: N_DIGITS }, (_value, digit) => createColumn(digit, nModels));
  group.replaceChildren(...columns.map(({ button }) => button));
  return columns;
}

function showShares(columns, { shares, texts }) {
  columns.forEach(({ plot, bars }, digit) => {
    plot.dataset.share = texts[digit];
    // A changed height would count as a layout shift.
    bars.forEach((bar, i) => { bar.style.transform = `scaleY(${shares[digit][i] ?? 0})`; });
  });
}

function show(columns, { shares, names, texts, colors, refused }) {
  showShares(columns, { shares, texts });
  columns.forEach(({ button, bars }, digit) => {
    button.setAttribute("aria-label", names[digit]);
    button.title = names[digit];
    button.ariaDisabled = String(refused[digit]);  // A press still asks the server, which tells the reason.
    bars.forEach((bar, i) => { bar.style.background = colors[i]; });
  });
}

export default function showButtons({ data, parentElement, setTriggerValue }) {
  const group = parentElement.querySelector(".digits");
  const nModels = data.colors.length;
  if (group.columns?.[0].bars.length !== nModels) group.columns = createColumns(group, nModels);
  show(group.columns, data);
  areKeysOn = data.keys;
  const showLive = ({ detail }) => showShares(group.columns, detail);  // a prediction of the browser during a stroke
  window.addEventListener("digit-lab-live", showLive);
  label = (digit) => {
    window.dispatchEvent(new CustomEvent("digit-lab-label"));
    setTriggerValue("label", digit);
  };
  return () => {
    window.removeEventListener("digit-lab-live", showLive);
    if (!group.isConnected) label = null;
  };
}
