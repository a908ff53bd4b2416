import "./page.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { timeMarks } from "../src/series/time-marks.ts";

const seconds = (time: string) => new Date(time).getTime() / 1000;
const marksBetween = (from: string, to: string, pixels: number) => {
  const { marks, write } = timeMarks(seconds(from), seconds(to), pixels);
  return marks.map(write);
};

test("two centuries get round years", () => {
  assert.deepEqual(marksBetween("1860-06-01T00:00Z", "2099-06-01T00:00Z", 300), [
    "1900",
    "1950",
    "2000",
    "2050",
  ]);
});

test("years get months that start a quarter", () => {
  const marks = marksBetween("2006-04-16T00:00Z", "2007-02-16T00:00Z", 300);
  assert.deepEqual(marks, ["Jul 2006", "Oct 2006", "Jan 2007"]);
});

test("there are never more marks than have room, and always some", () => {
  for (const end of ["2000-01-01T02:00Z", "2000-01-09T00:00Z", "2000-11-01T00:00Z", "2950-01-01T00:00Z"]) {
    const marks = marksBetween("1999-12-31T23:59Z", end, 400);
    assert.ok(marks.length >= 1 && marks.length <= 8, `${end}: ${marks}`);
  }
});
