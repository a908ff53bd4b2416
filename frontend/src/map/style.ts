import type { Feature, MultiLineString } from "geojson";
import type { LayerSpecification, Map as MapLibreMap, StyleSpecification } from "maplibre-gl";
import { type ColorToken, readColors } from "../theme-colors.ts";

const tokens = {
  water: ["--map-water", "#dbe6ec"],
  land: ["--map-land", "#f2efe6"],
  coast: ["--map-coast", "#4c5b66"],
  border: ["--map-border", "#8c979e"],
  graticule: ["--map-graticule", "#9fb2bd"],
  mark: ["--map-mark", "#c2410c"],
} as const satisfies Record<string, ColorToken>;

type MapColors = Record<keyof typeof tokens, string>;

/** The data layer is drawn just below this one: outlines stay visible above data. */
export const firstLayerAboveData = "graticule";

const emptyCollection = { type: "FeatureCollection" as const, features: [] };

export const readMapColors = (element: Element): MapColors => readColors(element, tokens);

/** The base map: sea, land, a graticule of 30 degrees, borders and coast. No names: data speaks. */
export function baseStyle(colors: MapColors, projection: "globe" | "mercator"): StyleSpecification {
  return {
    version: 8,
    projection: { type: projection },
    sources: {
      land: { type: "geojson", data: emptyCollection },
      coast: { type: "geojson", data: emptyCollection },
      borders: { type: "geojson", data: emptyCollection },
      graticule: { type: "geojson", data: graticule() },
    },
    layers: baseLayers(colors),
  };
}

function baseLayers(colors: MapColors): LayerSpecification[] {
  const width = (near: number, far: number): ["interpolate", ["linear"], ["zoom"], ...number[]] => [
    "interpolate",
    ["linear"],
    ["zoom"],
    1,
    far,
    6,
    near,
  ];
  const round = { "line-cap": "round", "line-join": "round" } as const;
  return [
    { id: "water", type: "background", paint: { "background-color": colors.water } },
    {
      id: "land",
      type: "fill",
      source: "land",
      paint: { "fill-color": colors.land, "fill-antialias": false },
    },
    {
      id: "graticule",
      type: "line",
      source: "graticule",
      paint: { "line-color": colors.graticule, "line-width": 0.5, "line-opacity": 0.5 },
    },
    {
      id: "borders",
      type: "line",
      source: "borders",
      layout: round,
      paint: { "line-color": colors.border, "line-width": width(1.2, 0.4), "line-opacity": 0.7 },
    },
    {
      id: "coast",
      type: "line",
      source: "coast",
      layout: round,
      paint: { "line-color": colors.coast, "line-width": width(1.6, 0.6) },
    },
  ];
}

/** Gives the map the page's colours of now. */
export function recolor(map: MapLibreMap, colors: MapColors): void {
  map.setPaintProperty("water", "background-color", colors.water);
  map.setPaintProperty("land", "fill-color", colors.land);
  map.setPaintProperty("graticule", "line-color", colors.graticule);
  map.setPaintProperty("borders", "line-color", colors.border);
  map.setPaintProperty("coast", "line-color", colors.coast);
}

function graticule(): Feature<MultiLineString> {
  const lines: number[][][] = [];
  for (let longitude = -180; longitude < 180; longitude += 30) {
    lines.push([
      [longitude, -85],
      [longitude, 85],
    ]);
  }
  for (let latitude = -60; latitude <= 60; latitude += 30) {
    lines.push([
      [-180, latitude],
      [180, latitude],
    ]);
  }
  return { type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates: lines } };
}
