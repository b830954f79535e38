// Texts of the predictions in the browser.

/** Format a share as `percent` in `digitcore/values.py` does. */
export function formatPercent(share, minPlaces = 0) {
  const places = share >= 0.995 && share < 1 ? Math.max(minPlaces, 1) : minPlaces;
  return `${Math.min(100 * share, share < 1 ? 100 - 10 ** -places : 100).toFixed(places)} %`;
}
