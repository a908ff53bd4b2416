import assert from "node:assert/strict";
import { test } from "node:test";
import { bboxOf, cornersOf, lonLatOf, wrapLongitude } from "../src/map/coordinates.ts";

test("numbers are read only when they are all there", () => {
  assert.deepEqual(bboxOf("-10, 35,30,60"), [-10, 35, 30, 60]);
  assert.deepEqual(lonLatOf("-0.1,51.5"), { lon: -0.1, lat: 51.5 });
  for (const text of [null, "", "1,2,3", "1,2,,4", "a,b,c,d", "1,2,3,Infinity"])
    assert.equal(bboxOf(text), null);
  assert.equal(lonLatOf(","), null);
});

test("an area across the 180th meridian is drawn on past it", () => {
  assert.deepEqual(cornersOf([170, -20, -160, 10]), [
    [170, -20],
    [200, 10],
  ]);
});

test("a longitude comes back into -180..180", () => {
  assert.equal(wrapLongitude(190), -170);
  assert.equal(wrapLongitude(-540), -180);
  assert.equal(wrapLongitude(180), 180);
});
