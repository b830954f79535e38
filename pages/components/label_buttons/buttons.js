// Ten buttons, each with the bars of its digit's probabilities on it. They are made once; an answer changes their heights.

const KEY = /^[0-9]$/;
const isTyping = (event) => event.composedPath()[0]?.closest?.("input, textarea, [contenteditable=true]");
let label = null;  // labels with a digit; of the newest run
let areKeysOn = false;

window.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (areKeysOn && KEY.test(event.key) && isPlain && !isTyping(event) && label) label(Number(event.key));
}, true);

function makeColumns(group, nModels) {
  const columns = [];
  for (let digit = 0; digit < 10; digit++) {
    const button = Object.assign(document.createElement("button"), { type: "button", name: String(digit) });
    const plot = Object.assign(document.createElement("span"), { className: "plot", ariaHidden: "true" });
    const bars = [];
    for (let i = 0; i < nModels; i++) bars.push(plot.appendChild(document.createElement("i")));
    const key = Object.assign(document.createElement("span"), { className: "key", textContent: String(digit) });
    button.append(plot, key);
    button.onclick = () => label?.(digit);
    columns.push({ button, plot, bars });
  }
  group.replaceChildren(...columns.map(({ button }) => button));
  return columns;
}

function show(columns, { shares, names, texts, colors }) {
  columns.forEach(({ button, plot, bars }, digit) => {
    button.setAttribute("aria-label", names[digit]);
    button.title = names[digit];
    plot.dataset.share = texts[digit];
    bars.forEach((bar, i) => {
      bar.style.transform = `scaleY(${shares[digit][i]})`;  // a changed height would move it
      bar.style.background = colors[i];
    });
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const group = parentElement.querySelector(".digits");
  const nModels = data.colors.length;
  if (group.columns?.[0].bars.length !== nModels) group.columns = makeColumns(group, nModels);
  show(group.columns, data);
  areKeysOn = data.keys;
  label = (digit) => {
    window.dispatchEvent(new CustomEvent("digit-lab-label"));
    setTriggerValue("label", digit);
  };
  return () => { if (!group.isConnected) label = null; };
}
