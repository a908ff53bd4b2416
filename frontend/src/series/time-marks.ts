import { dateWriter } from "../times.ts";

const day = 86_400;
const month = 30.4 * day;
const year = 365.25 * day;

interface Step {
  /** About how long, in seconds. */
  length: number;
  unit: "seconds" | "months" | "years";
  count: number;
  format: Intl.DateTimeFormatOptions;
  /** Room for one mark, in pixels. */
  room: number;
}

const hours: Intl.DateTimeFormatOptions = {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
};
const days: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
const months: Intl.DateTimeFormatOptions = { year: "numeric", month: "short" };

const steps: Step[] = [
  ...[60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200].map(stepOf("seconds", 1, hours, 130)),
  ...[day, 2 * day, 5 * day, 10 * day].map(stepOf("seconds", 1, days, 72)),
  ...[1, 3, 6].map(stepOf("months", month, months, 84)),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].map(
    stepOf("years", year, { year: "numeric" }, 56),
  ),
];

function stepOf(unit: Step["unit"], length: number, format: Intl.DateTimeFormatOptions, room: number) {
  return (count: number): Step => ({ unit, count, length: count * length, format, room });
}

/** The marks of a time axis from one time to another, round in UTC, as many as have room in so many pixels. */
export function timeMarks(
  from: number,
  to: number,
  pixels: number,
): { marks: number[]; write: (mark: number) => string } {
  const fits = ({ length, room }: Step) => ((to - from) / length) * room <= pixels;
  const step = steps.find(fits) ?? (steps.at(-1) as Step);
  const marks: number[] = [];
  for (let mark = firstMark(from, step); mark <= to; mark = nextMark(mark, step)) {
    if (mark >= from) marks.push(mark);
  }
  return { marks, write: dateWriter(step.format) };
}

function firstMark(from: number, { unit, count }: Step): number {
  if (unit === "seconds") return Math.floor(from / count) * count;
  const date = new Date(1000 * from);
  if (unit === "years") return startOf(Math.floor(date.getUTCFullYear() / count) * count, 0);
  return startOf(date.getUTCFullYear(), Math.floor(date.getUTCMonth() / count) * count);
}

function nextMark(mark: number, { unit, count }: Step): number {
  if (unit === "seconds") return mark + count;
  const date = new Date(1000 * mark);
  const [years, months] = unit === "years" ? [count, 0] : [0, count];
  return startOf(date.getUTCFullYear() + years, date.getUTCMonth() + months);
}

function startOf(year: number, month: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, 1);
  return date.getTime() / 1000;
}
