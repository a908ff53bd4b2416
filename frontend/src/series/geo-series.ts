import type uPlot from "uplot";
import { labelOf } from "../labels.ts";
import { valueFormatter } from "../numbers.ts";
import { onThemeChange } from "../theme-colors.ts";
import { secondsOf, timeFormatter } from "../times.ts";
import { type Line, lineColor, makePanel, type PanelOptions, readChartColors } from "./panel.ts";
import { differenceOf, meanOf, readSeries, type SeriesDocument } from "./series-document.ts";

const lesser = (one: number, other: number) => Math.min(one, other);
const greater = (one: number, other: number) => Math.max(one, other);

let count = 0;

/** One entry above the chart: the line's sample, its name, and its value under the cursor. */
interface Reading {
  line: Line;
  sample: HTMLElement;
  value: HTMLElement;
  write: (value: number) => string;
}

/** `<geo-series>`: series side by side, their mean and their difference. See docs/frontend.md. */
class GeoSeries extends HTMLElement {
  private document: SeriesDocument | undefined;
  private times: number[] = [];
  private writeTime: (time: string) => string = String;
  private panels: uPlot[] = [];
  private zoomed: [number, number] | null = null;
  private readonly readings: Reading[] = [];
  private readonly frame = document.createElement("div");
  private readonly readout = document.createElement("div");
  private readonly timeText = document.createElement("span");
  private readonly reset = document.createElement("button");
  private life = new AbortController();

  connectedCallback(): void {
    if (this.panels.length > 0) return;
    this.life = new AbortController();
    try {
      this.document = readSeries(this);
      this.times = this.document.times.map(secondsOf);
      this.writeTime = timeFormatter(this.document.times);
    } catch (error) {
      const message = document.createElement("p");
      message.className = "geo-status";
      message.role = "status";
      message.textContent = `${labelOf(this, "noChart")} ${error instanceof Error ? error.message : ""}`;
      this.append(message);
      this.dataset.state = "failed";
      return;
    }
    this.build(this.document);
    const resize = new ResizeObserver(() => this.draw());
    resize.observe(this.frame);
    this.life.signal.addEventListener("abort", () => resize.disconnect());
    onThemeChange(() => this.draw(true), this.life.signal);
    // The labels of the axes are drawn, and want the page's own type.
    void document.fonts.ready.then(() => this.draw(true));
  }

  disconnectedCallback(): void {
    this.life.abort();
    for (const panel of this.panels) panel.destroy();
    this.panels = [];
    for (const part of [this.readout, this.frame]) part.replaceChildren();
    this.readings.length = 0;
  }

  private build(series: SeriesDocument): void {
    this.readout.className = "geo-readout";
    this.timeText.className = "geo-readout-time";
    this.reset.type = "button";
    this.reset.className = "geo-reset";
    this.reset.hidden = true;
    this.reset.textContent = labelOf(this, "resetZoom");
    this.reset.addEventListener("click", () => this.zoom(null));
    this.frame.className = "geo-chart";
    this.frame.tabIndex = 0;
    this.frame.role = "group";
    const title = this.getAttribute("aria-label") ?? series.title;
    this.frame.setAttribute("aria-label", `${title}. ${labelOf(this, "chartHint")}`);
    this.frame.addEventListener("keydown", (event) => this.onKey(event));
    this.frame.addEventListener("blur", () => this.readout.removeAttribute("aria-live"));
    this.readout.replaceChildren(this.timeText);
    for (const panel of [this.topLines(series), this.differenceLines(series)]) this.addReadings(panel);
    this.readout.append(this.reset);
    this.append(this.readout, this.frame);
    this.showValues(null);
  }

  private topLines({ series }: SeriesDocument): Line[] {
    const lines: Line[] = series.map(({ name, values }, color) => ({ name, values, color }));
    if (series.length > 1) lines.push({ name: labelOf(this, "mean"), values: meanOf(series), color: null });
    return lines;
  }

  private differenceLines({ series }: SeriesDocument): Line[] {
    const [first, second] = series;
    if (!first || !second || series.length !== 2) return [];
    const name = `${labelOf(this, "difference")} ${second.name} − ${first.name}`;
    return [{ name, values: differenceOf(first.values, second.values), color: 3 }];
  }

  /** Values of one panel are written with the same digits. */
  private addReadings(lines: Line[]): void {
    const known = lines.flatMap(({ values }) => values.filter((value) => value !== null));
    const write = valueFormatter(known.reduce(lesser, Infinity), known.reduce(greater, -Infinity));
    for (const line of lines) {
      const entry = document.createElement("span");
      entry.className = "geo-reading";
      const sample = document.createElement("span");
      sample.className = line.color === null ? "geo-sample geo-sample-dashed" : "geo-sample";
      const value = document.createElement("span");
      value.className = "geo-value";
      entry.append(sample, `${line.name} `, value);
      this.readout.append(entry);
      this.readings.push({ line, sample, value, write });
    }
  }

  /** Draws all panels anew when the width or the theme has changed. */
  private draw(anew = false): void {
    const width = Math.floor(this.frame.clientWidth);
    if (!this.document || !this.isConnected || width === 0) return;
    if (!anew && this.panels[0]?.width === width) return;
    for (const panel of this.panels) panel.destroy();
    this.frame.replaceChildren();
    const colors = readChartColors(this);
    for (const { line, sample } of this.readings) sample.style.color = lineColor(colors, line);
    const differences = this.differenceLines(this.document);
    const shared = {
      times: this.times,
      colors,
      width,
      font: `12px ${getComputedStyle(this).fontFamily}`,
      syncKey: `geo-series-${++count}`,
      onCursor: (index: number | null) => this.showValues(index),
      onZoom: (from: number, to: number) => this.zoomTogether(from, to),
    };
    const { title, unit } = this.document;
    const top = { lines: this.topLines(this.document), height: width < 500 ? 220 : 280, fromZero: false };
    this.panels = [this.addPanel(title, unit, { ...shared, ...top, showTimes: differences.length === 0 })];
    for (const line of differences) {
      const bottom = { lines: [line], height: 150, fromZero: true, showTimes: true };
      this.panels.push(this.addPanel(line.name, unit, { ...shared, ...bottom }));
    }
    if (this.zoomed) this.zoom(this.zoomed);
    this.dataset.state = "ready";
  }

  private addPanel(title: string, unit: string, options: PanelOptions): uPlot {
    const heading = document.createElement("p");
    heading.className = "geo-panel-title";
    heading.textContent = unit ? `${title} (${unit})` : title;
    this.frame.append(heading);
    return makePanel(this.frame, options);
  }

  private zoom(range: [number, number] | null): void {
    const [min, max] = range ?? [this.times[0] ?? 0, this.times.at(-1) ?? 0];
    for (const panel of this.panels) panel.setScale("x", { min, max });
  }

  private zoomTogether(min: number, max: number): void {
    const whole = min <= (this.times[0] ?? 0) && max >= (this.times.at(-1) ?? 0);
    this.zoomed = whole ? null : [min, max];
    this.reset.hidden = whole;
    for (const panel of this.panels) {
      const { min: from, max: to } = panel.scales.x ?? {};
      if (from !== min || to !== max) panel.setScale("x", { min, max });
    }
  }

  private showValues(index: number | null): void {
    if (!this.document) return;
    const { times, unit } = this.document;
    const time = index === null ? undefined : times[index];
    this.timeText.textContent = time === undefined ? "" : this.writeTime(time);
    for (const { line, value, write } of this.readings) {
      const number = index === null ? undefined : line.values[index];
      if (number === undefined) value.textContent = "";
      else value.textContent = number === null ? labelOf(this, "noData") : `${write(number)} ${unit}`;
    }
  }

  private onKey(event: KeyboardEvent): void {
    const [chart] = this.panels;
    if (!chart) return;
    if (event.key === "Escape") this.zoom(null);
    const last = this.times.length - 1;
    const current = chart.cursor.idx ?? -1;
    const far = event.shiftKey ? 10 : 1;
    const moves: Record<string, number> = {
      ArrowLeft: current - far,
      ArrowRight: current + far,
      Home: 0,
      End: last,
    };
    const wanted = moves[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    // Heard only by those who move by keys: a pointer would set off a flood of words.
    this.readout.setAttribute("aria-live", "polite");
    const time = this.times[Math.min(Math.max(wanted, 0), last)] ?? 0;
    for (const panel of this.panels) {
      panel.setCursor({ left: panel.valToPos(time, "x"), top: panel.over.clientHeight / 2 });
    }
  }
}

customElements.define("geo-series", GeoSeries);
