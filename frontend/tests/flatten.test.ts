import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import type { Feature, MultiPolygon, Polygon } from "geojson";
import { feature } from "topojson-client";
import { flattenRing, unwrap } from "../src/map/flatten.ts";

const world = createRequire(import.meta.url)("world-atlas/countries-110m.json");

test("a line across the 180th meridian runs on instead of back around the Earth", () => {
  const line = unwrap([
    [178, 65],
    [-179, 66],
    [179, 67],
  ]);
  assert.deepEqual(line, [
    [178, 65],
    [181, 66],
    [179, 67],
  ]);
});

test("no side of any land crosses half the Earth, and only Antarctica reaches a pole", () => {
  const land = feature(world, world.objects.land) as unknown as {
    features: Feature<MultiPolygon | Polygon>[];
  };
  const rings = land.features.flatMap(({ geometry }) =>
    geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat(),
  );
  let polar = 0;
  for (const ring of rings.map(flattenRing)) {
    assert.deepEqual(ring[0], ring.at(-1));
    const atPole = ring.some(([, latitude]) => Math.abs(latitude ?? 0) === 90);
    if (atPole) polar += 1;
    const longest = ring
      .slice(1)
      .map(([longitude = 0, latitude = 0], index) =>
        Math.abs(latitude) === 90 ? 0 : Math.abs(longitude - (ring[index]?.[0] ?? 0)),
      );
    assert.ok(Math.max(...longest) < 180);
  }
  assert.equal(polar, 1);
});
