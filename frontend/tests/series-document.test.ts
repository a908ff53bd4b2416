import assert from "node:assert/strict";
import { test } from "node:test";
import { differenceOf, meanOf, readSeries } from "../src/series/series-document.ts";

const elementWith = (document: unknown) =>
  ({ querySelector: () => ({ textContent: JSON.stringify(document) }) }) as unknown as Element;

test("mean and difference are missing where a value is", () => {
  const series = [
    { name: "A1B", values: [1, 2, null] },
    { name: "E1", values: [3, null, 5] },
  ];
  assert.deepEqual(meanOf(series), [2, null, null]);
  assert.deepEqual(differenceOf([1, 2, null], [3, null, 5]), [2, null, null]);
});

test("series that do not fit their times are refused by name", () => {
  const document = { title: "", unit: "K", times: ["2000"], series: [{ name: "E1", values: [1, 2] }] };
  assert.throws(() => readSeries(elementWith(document)), /E1 has 2 values for 1 times/);
});
