import { writeUnit } from "../units.ts";

/** What a page gives a chart: series of one variable on one time axis. */
export interface SeriesDocument {
  title: string;
  unit: string;
  times: string[];
  series: { name: string; values: (number | null)[] }[];
}

/** Reads the document in `<script type="application/json">` inside an element. */
export function readSeries(element: Element): SeriesDocument {
  const text = element.querySelector('script[type="application/json"]')?.textContent;
  if (!text) throw new Error("There is no script of type application/json with the series.");
  const series = JSON.parse(text) as SeriesDocument;
  for (const { name, values } of series.series) {
    if (values.length === series.times.length) continue;
    throw new Error(`${name} has ${values.length} values for ${series.times.length} times.`);
  }
  return { ...series, unit: writeUnit(series.unit) };
}

/** The mean where all series have a value, else null. */
export function meanOf(series: SeriesDocument["series"]): (number | null)[] {
  return (series[0]?.values ?? []).map((_, index) => {
    let sum = 0;
    for (const { values } of series) {
      const value = values[index];
      if (value == null) return null;
      sum += value;
    }
    return sum / series.length;
  });
}

/** The second less the first where both have a value, else null. */
export function differenceOf(first: (number | null)[], second: (number | null)[]): (number | null)[] {
  return second.map((value, index) => {
    const other = first[index];
    return value == null || other == null ? null : value - other;
  });
}
