import { pageLanguage } from "./labels.ts";

/** Returns a function that writes values of a range with the digits that tell its thousandth parts apart. */
export function valueFormatter(lowest: number, highest: number): (value: number) => string {
  const span = Math.abs(highest - lowest) || Math.abs(highest) || 1;
  const digits = Math.min(Math.max(2 - Math.floor(Math.log10(span)), 0), 8);
  const large = Math.max(Math.abs(lowest), Math.abs(highest));
  const scientific = large >= 1e6 || span < 1e-6;
  const format = new Intl.NumberFormat(
    pageLanguage(),
    scientific
      ? { notation: "scientific", maximumFractionDigits: 2 }
      : { minimumFractionDigits: digits, maximumFractionDigits: digits },
  );
  return (value) => format.format(value);
}

/** Returns a function that writes the marks of an axis, with the digits that their step needs. */
export function markFormatter(step: number): (value: number) => string {
  const digits = [0, 1, 2, 3, 4, 5, 6].find((count) => isWhole(step * 10 ** count)) ?? 6;
  const format = new Intl.NumberFormat(pageLanguage(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    ...(step >= 1e6 && { notation: "scientific" }),
  });
  return (value) => format.format(value);
}

function isWhole(value: number): boolean {
  return Math.abs(value - Math.round(value)) < 1e-6 * Math.max(Math.abs(value), 1);
}
