import "./page.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { markFormatter, valueFormatter } from "../src/numbers.ts";

test("values are written with the digits that their range needs", () => {
  assert.equal(valueFormatter(250, 305)(277.512), "277.5");
  assert.equal(valueFormatter(0, 0.02)(0.01234), "0.0123");
  assert.equal(valueFormatter(0, 100_000)(12_345.6), "12,346");
  assert.equal(valueFormatter(0, 3e7)(1.25e7), "1.25E7");
});

test("the marks of an axis show all digits of their step, and no more", () => {
  assert.deepEqual([275, 277.5].map(markFormatter(2.5)), ["275.0", "277.5"]);
  assert.deepEqual([275, 280].map(markFormatter(5)), ["275", "280"]);
});
