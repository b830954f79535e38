// Texts of the predictions in the browser.

/** Format a share as `percent` in `digitcore/values.py` does. */
export function formatPercent(share, minPlaces = 0) {
  const places = share >= 0.995 && share < 1 ? Math.max(minPlaces, 1) : minPlaces;
  return `${Math.min(100 * share, share < 1 ? 100 - 10 ** -places : 100).toFixed(places)} %`;
}

/** Return the remark about a low confidence as `Reading.remark` in `prediction/__init__.py` does, or a non-breaking space. */
export function formatRemark(ranking, confidence, threshold, noDigit) {
  if (confidence < noDigit && noDigit <= threshold) return `Not a digit? Closest: ${ranking[0]} (${formatPercent(confidence)})`;
  return confidence < threshold ? `unsure: ${ranking[0]} or ${ranking[1]}` : "\u{A0}";
}
