/** Draws the portal's world.svg: land as on a small map, in half degrees. `npm run outline` */
import { readFileSync, writeFileSync } from "node:fs";
import type { MultiPolygon, Polygon, Position } from "geojson";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";

// Islands smaller than this, in square degrees, would be specks.
const smallestArea = 6;

const topology: Topology = JSON.parse(readFileSync("node_modules/world-atlas/land-110m.json", "utf8"));
const land = feature(topology, topology.objects.land as GeometryCollection);
const geometries = land.features.map(({ geometry }) => geometry as Polygon | MultiPolygon);
const rings = geometries.flatMap((geometry) =>
  geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat(),
);

/** The area in square degrees (shoelace formula). */
function areaOf(ring: Position[]): number {
  const terms = ring.slice(1).map(([x = 0, y = 0], place) => {
    const [beforeX = 0, beforeY = 0] = ring[place] ?? [];
    return beforeX * y - x * beforeY;
  });
  return Math.abs(terms.reduce((sum, term) => sum + term, 0)) / 2;
}

/** The ring as a path of relative lines, from 0 to 720 and from 0 to 360, north up. */
function pathOf(ring: Position[]): string {
  const points = ring.map(([x = 0, y = 0]) => [Math.round(2 * x) + 360, 180 - Math.round(2 * y)] as const);
  const steps = points.slice(1).map(([x, y], place) => {
    const [beforeX, beforeY] = points[place] ?? [x, y];
    return [x - beforeX, y - beforeY] as const;
  });
  const moved = steps.filter(([x, y]) => x !== 0 || y !== 0).map((step) => step.join(" "));
  return `M${points[0]?.join(" ")}l${moved.join(" ").replaceAll(" -", "-")}z`;
}

const path = rings.filter((ring) => areaOf(ring) >= smallestArea).map(pathOf);
const title = "Land: Natural Earth, public domain";
writeFileSync(
  "../src/geoscope/portal/static/world.svg",
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 360" fill="#6b7a82"><title>${title}</title><path d="${path.join("")}"/></svg>\n`,
);
