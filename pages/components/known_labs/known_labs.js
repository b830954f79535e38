// Remembers in this browser which labs it knows, as hashes of their tokens. A browser without storage gives no notice, because
// it would repeat the notice after each reload.

const STORED = "digit-lab-known-labs";
const MAX_LABS = 50;

function readLabs() {
  const labs = JSON.parse(localStorage.getItem(STORED));
  return Array.isArray(labs) ? labs : [];
}

export default function rememberLab({ data, setTriggerValue }) {
  try {
    const labs = readLabs();
    if (!data.lab || labs.includes(data.lab)) return;
    localStorage.setItem(STORED, JSON.stringify([...labs, data.lab].slice(-MAX_LABS)));
  } catch {
    return;
  }
  if (!data.isOwn) setTriggerValue("is_new", true);
}
