import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { markFormatter } from "../numbers.ts";
import { type ColorToken, readColors } from "../theme-colors.ts";
import { timeMarks } from "./time-marks.ts";

export const chartTokens = {
  ink: ["--chart-ink", "#4b5a63"],
  grid: ["--chart-grid", "#e0e0d8"],
  mean: ["--series-mean", "#24313a"],
  series1: ["--series-1", "#b8480c"],
  series2: ["--series-2", "#0d66a8"],
  series3: ["--series-3", "#1c7d5e"],
  series4: ["--series-4", "#8350a3"],
  series5: ["--series-5", "#8a6a00"],
  series6: ["--series-6", "#b03a72"],
} as const satisfies Record<string, ColorToken>;

export type ChartColors = Record<keyof typeof chartTokens, string>;

/** One line of a panel. */
export interface Line {
  name: string;
  values: (number | null)[];
  /** Place among the series colours; null is the mean's own, dashed. */
  color: number | null;
}

export interface PanelOptions {
  times: number[];
  lines: Line[];
  colors: ChartColors;
  width: number;
  height: number;
  font: string;
  /** Panels with one key move their cursors together. */
  syncKey: string;
  showTimes: boolean;
  /** Draw the area between the line and zero: for differences. */
  fromZero: boolean;
  onCursor: (index: number | null) => void;
  onZoom: (from: number, to: number) => void;
}

const seriesColors = ["series1", "series2", "series3", "series4", "series5", "series6"] as const;
const valueAxisWidth = 56;

export const readChartColors = (element: Element): ChartColors => readColors(element, chartTokens);

export function lineColor(colors: ChartColors, line: Line): string {
  if (line.color === null) return colors.mean;
  return colors[seriesColors[line.color % seriesColors.length] ?? "series1"];
}

/** Draws one panel of lines over time into an element. */
export function makePanel(into: HTMLElement, options: PanelOptions): uPlot {
  const { times, lines, colors, width, height } = options;
  const data = [times, ...lines.map(({ values }) => values)] as uPlot.AlignedData;
  const chart = new uPlot(
    {
      width,
      height,
      legend: { show: false },
      padding: [10, 12, options.showTimes ? 0 : 8, 0],
      cursor: {
        y: false,
        sync: { key: options.syncKey, setSeries: false, scales: ["x", null] },
        drag: { x: true, y: false, setScale: true },
        points: { size: 7, width: 2 },
      },
      scales: { x: { time: false }, y: options.fromZero ? { range: rangeWithZero } : {} },
      series: [{}, ...lines.map((line) => lineStyle(line, options))],
      axes: [timeAxis(options), valueAxis(options)],
      hooks: {
        setCursor: [(self) => options.onCursor(self.cursor.idx ?? null)],
        setScale: [
          (self, scale) => {
            const { min, max } = self.scales.x ?? {};
            if (scale === "x" && min != null && max != null) options.onZoom(min, max);
          },
        ],
        drawAxes: options.fromZero ? [(self) => drawZeroLine(self, colors.ink)] : [],
      },
    },
    data,
    into,
  );
  return chart;
}

function lineStyle(line: Line, { colors, times, fromZero }: PanelOptions): uPlot.Series {
  const color = lineColor(colors, line);
  return {
    label: line.name,
    stroke: color,
    width: line.color === null ? 1.25 : 1.75,
    points: { show: times.length <= 60, size: 5, fill: color },
    ...(line.color === null && { dash: [5, 4] }),
    ...(fromZero && { fill: color.replace(/[\d.]+\)$/, "0.14)"), fillTo: () => 0 }),
  };
}

function timeAxis({ colors, font, showTimes, width }: PanelOptions): uPlot.Axis {
  const room = width - valueAxisWidth;
  return {
    stroke: colors.ink,
    font,
    size: showTimes ? 34 : 0,
    grid: { stroke: colors.grid, width: 1 },
    ticks: { show: false },
    splits: (_chart, _axis, from, to) => timeMarks(from, to, room).marks,
    values: (chart, marks) => {
      const { min, max } = chart.scales.x ?? {};
      const { write } = timeMarks(min ?? 0, max ?? 0, room);
      return marks.map((mark) => (showTimes ? write(mark) : ""));
    },
  };
}

function valueAxis({ colors, font, height }: PanelOptions): uPlot.Axis {
  return {
    stroke: colors.ink,
    font,
    size: valueAxisWidth,
    space: height < 180 ? 28 : 40,
    grid: { stroke: colors.grid, width: 1 },
    ticks: { show: false },
    values: (_chart, marks) => {
      const step = marks.length > 1 ? Math.abs((marks[1] ?? 0) - (marks[0] ?? 0)) : 1;
      return marks.map(markFormatter(step));
    },
  };
}

function rangeWithZero(_chart: uPlot, lowest: number, highest: number): uPlot.Range.MinMax {
  const [low, high] = [Math.min(lowest, 0), Math.max(highest, 0)];
  const air = 0.08 * (high - low || 1);
  return [low < 0 ? low - air : 0, high > 0 ? high + air : 0];
}

function drawZeroLine(chart: uPlot, color: string): void {
  const { ctx, bbox } = chart;
  const y = Math.round(chart.valToPos(0, "y", true));
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
