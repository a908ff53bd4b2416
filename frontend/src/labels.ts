/** The words of the elements in English; a page gives its own language's in `<script id="geo-labels">`. */
const english = {
  partFailed: "This part of the page did not load. Reload the page to try again.",
  noMap: "This browser cannot draw the map (WebGL 2 is missing).",
  noChart: "The chart cannot be drawn.",
  layerFailed: "The layer did not load.",
  tilesFailed: "Parts of the layer did not load.",
  outlinesFailed: "The outlines of land did not load.",
  footprintsFailed: "The outlines of the results did not load.",
  map: "Map",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  showGlobe: "Show as a globe",
  showFlat: "Show as a flat map",
  startTurning: "Turn the globe",
  stopTurning: "Stop turning",
  scrollHint: "Hold Ctrl and scroll to zoom",
  scrollHintMac: "Hold ⌘ and scroll to zoom",
  touchHint: "Move the map with two fingers",
  pickHint: "Arrow keys move the map; Enter chooses the point under the cross.",
  drawArea: "Draw an area",
  drawHint: "Drag over the map",
  useView: "Use this view",
  clearArea: "Clear",
  time: "Time",
  play: "Play through time",
  pause: "Pause",
  noData: "no data",
  mean: "Mean",
  difference: "Difference",
  resetZoom: "Whole time range",
  chartHint: "Left and right arrow keys move along the series.",
  copy: "Copy",
  copied: "Copied",
  copyFailed: "Select and copy by hand",
} as const;

export type LabelKey = keyof typeof english;

let page: Partial<Record<string, string>> | undefined;

function pageLabels(): Partial<Record<string, string>> {
  page ??= JSON.parse(document.getElementById("geo-labels")?.textContent || "{}") as Record<string, string>;
  return page;
}

/** Returns the words for a key: the element's own `label-KEY`, else the page's, else the English ones. */
export function labelOf(element: Element, key: LabelKey): string {
  return element.getAttribute(`label-${key}`) ?? pageLabels()[key] ?? english[key];
}

/** The language that numbers and dates are written in: the page's. */
export function pageLanguage(): string {
  return document.documentElement.lang || "en";
}
