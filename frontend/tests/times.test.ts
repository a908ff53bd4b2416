import "./page.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { secondsOf, timeFormatter } from "../src/times.ts";

test("a time is read in UTC, before 1970 and before the year 100 too", () => {
  assert.equal(secondsOf("1970-01-01T00:00:00Z"), 0);
  assert.equal(secondsOf("1860-06-01T12:00:00Z"), Date.UTC(1860, 5, 1, 12) / 1000);
  assert.equal(secondsOf("0050-01-01"), new Date("0050-01-01T00:00:00Z").getTime() / 1000);
});

test("days that only the 360-day calendar has keep their place in the order", () => {
  const times = [
    "2001-02-28T18:00:00Z",
    "2001-02-29T06:00:00Z",
    "2001-02-30T00:00:00Z",
    "2001-03-01T00:00:00Z",
  ];
  const seconds = times.map(secondsOf);
  assert.equal(new Set(seconds).size, 4);
  assert.deepEqual(
    seconds,
    [...seconds].sort((one, other) => one - other),
  );
});

test("what is no time is refused by name", () => {
  assert.throws(() => secondsOf("yesterday"), /yesterday is not an ISO 8601 time/);
});

test("times are written as finely as their step needs", () => {
  const written = (times: string[]) => times.map(timeFormatter(times));
  assert.deepEqual(written(["1860-06-01T00:00:00Z", "1861-06-01T00:00:00Z"]), ["1860", "1861"]);
  assert.deepEqual(written(["2006-04-16T00:00:00Z", "2006-05-16T12:00:00Z"]), ["Apr 2006", "May 2006"]);
  assert.deepEqual(written(["2020-01-01T12:00:00Z", "2020-01-02T12:00:00Z"]), ["1 Jan 2020", "2 Jan 2020"]);
  assert.match(written(["2020-01-01T06:00:00Z", "2020-01-01T12:00:00Z"])[1] ?? "", /1 Jan 2020, 12:00 UTC/);
});
