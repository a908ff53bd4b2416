import { labelOf } from "../labels.ts";
import { valueFormatter } from "../numbers.ts";
import { writeUnit } from "../units.ts";
import type { LegendDocument } from "./layer.ts";

/** Draws a legend: title and unit, a bar of the colours, three values, and how missing data looks. */
export function makeLegend(owner: Element, legend: LegendDocument): HTMLElement {
  const figure = document.createElement("figure");
  figure.className = "geo-legend";
  const caption = document.createElement("figcaption");
  caption.textContent = legend.title;
  if (legend.unit) {
    const unit = document.createElement("span");
    unit.className = "geo-legend-unit";
    unit.textContent = writeUnit(legend.unit);
    caption.append(" ", unit);
  }
  const bar = document.createElement("div");
  bar.className = "geo-legend-bar";
  bar.style.backgroundImage = `linear-gradient(to right, ${legend.stops.map(({ color }) => color).join(", ")})`;
  const scale = document.createElement("div");
  scale.className = "geo-legend-scale";
  const write = valueFormatter(legend.vmin, legend.vmax);
  for (const value of [legend.vmin, (legend.vmin + legend.vmax) / 2, legend.vmax]) {
    const mark = document.createElement("span");
    mark.textContent = write(value);
    scale.append(mark);
  }
  const missing = document.createElement("span");
  missing.className = "geo-legend-missing";
  missing.textContent = labelOf(owner, "noData");
  figure.append(caption, bar, scale, missing);
  return figure;
}
