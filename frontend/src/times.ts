/**
 * Times as services write them: ISO 8601 in UTC, of any calendar. `2000-02-30` is a day of the 360-day calendar,
 * so `Date` cannot read them all.
 */
import { pageLanguage } from "./labels.ts";

const pattern = /^([+-]?\d{4,6})-(\d\d)(?:-(\d\d))?(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?Z?$/;

const secondsPerDay = 86_400;

/**
 * Seconds since 1970 of the time so named, on the common calendar. Days that it lacks stand in the last seconds of
 * their month, in order: they come after all others of the month and before the next.
 */
export function secondsOf(time: string): number {
  const parts = pattern.exec(time);
  if (!parts) throw new Error(`${time} is not an ISO 8601 time`);
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts
    .slice(1)
    .map((part, index) => Number(part ?? (index < 3 ? 1 : 0)));
  const secondOfDay = 3600 * hour + 60 * minute + second;
  const nextMonth = startOfDay(year, month + 1, 1);
  const start = startOfDay(year, month, day);
  if (start < nextMonth) return start + secondOfDay;
  return nextMonth - (32 - day - secondOfDay / secondsPerDay);
}

function startOfDay(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() / 1000;
}

/** Returns a function that writes a time as finely as these times need: year, month, day, or minute in UTC. */
export function timeFormatter(times: readonly string[]): (time: string) => string {
  const step = smallestStep(times);
  if (step >= 360 * secondsPerDay) return (time) => String(Number.parseInt(time, 10));
  if (step >= 28 * secondsPerDay) return dateWriter({ year: "numeric", month: "short" });
  const wholeDays = times.every(
    (time) => secondsOf(time) % secondsPerDay === secondsOf(times[0] ?? time) % secondsPerDay,
  );
  if (wholeDays && times.length > 1) return dateWriter({ dateStyle: "medium" });
  const write = dateWriter({ dateStyle: "medium", timeStyle: "short" });
  return (time) => `${write(time)} UTC`;
}

function smallestStep(times: readonly string[]): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let index = 1; index < times.length; index++) {
    const step = Math.abs(secondsOf(times[index] as string) - secondsOf(times[index - 1] as string));
    if (step > 0) smallest = Math.min(smallest, step);
  }
  return times.length > 1 ? smallest : 0;
}

/** Writes times in the page's language and UTC; in English as the pages do, the day first and 24 hours. */
export function dateWriter(options: Intl.DateTimeFormatOptions): (time: string | number) => string {
  const locale = pageLanguage() === "en" ? "en-GB" : pageLanguage();
  const format = new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
  return (time) => format.format(1000 * (typeof time === "number" ? time : secondsOf(time)));
}
