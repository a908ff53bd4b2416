import type { Feature, FeatureCollection, MultiLineString, MultiPolygon } from "geojson";
import { feature, mesh } from "topojson-client";
import type {
  GeometryCollection,
  Polygon,
  Topology,
  MultiPolygon as TopoMultiPolygon,
} from "topojson-specification";
import fineUrl from "world-atlas/countries-50m.json?url";
import coarseUrl from "world-atlas/countries-110m.json?url";
import { flattenRing, unwrap } from "./flatten.ts";

/** What a feature of the base map is. */
export type OutlineKind = "land" | "coast" | "border" | "graticule";

/** Natural Earth's land, coast and borders. */
export type Outlines = Feature<MultiPolygon | MultiLineString, { kind: OutlineKind }>[];

type World = Topology<{
  countries: GeometryCollection;
  land: GeometryCollection<Polygon | TopoMultiPolygon>;
}>;

export const loadCoarseOutlines = once(() => load(coarseUrl));
export const loadFineOutlines = once(() => load(fineUrl));

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

async function load(url: string): Promise<Outlines> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return outlinesOf((await response.json()) as World);
}

function outlinesOf(world: World): Outlines {
  const { countries, land } = world.objects;
  const shapes = feature(world, land) as FeatureCollection<MultiPolygon | import("geojson").Polygon>;
  const polygons = shapes.features.flatMap(({ geometry }) =>
    geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates,
  );
  return [
    outline("land", { type: "MultiPolygon", coordinates: polygons.map((rings) => rings.map(flattenRing)) }),
    outline("coast", flattenLines(mesh(world, countries, (one, other) => one === other))),
    outline("border", flattenLines(mesh(world, countries, (one, other) => one !== other))),
  ];
}

export function outline(kind: OutlineKind, geometry: MultiPolygon | MultiLineString): Outlines[number] {
  return { type: "Feature", properties: { kind }, geometry };
}

function flattenLines(lines: MultiLineString): MultiLineString {
  return { type: "MultiLineString", coordinates: lines.coordinates.map(unwrap) };
}
