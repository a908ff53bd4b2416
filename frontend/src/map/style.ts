import type { FeatureCollection } from "geojson";
import type {
  FilterSpecification,
  GeoJSONSource,
  LayerSpecification,
  Map as MapLibreMap,
  StyleSpecification,
} from "maplibre-gl";
import { type ColorToken, readColors } from "../theme-colors.ts";
import { type OutlineKind, type Outlines, outline } from "./outlines.ts";

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

export const readMapColors = (element: Element): MapColors => readColors(element, tokens);

/** The base map: sea, land, a graticule of 30 degrees, borders and coast. No names: data speaks. */
export function baseStyle(colors: MapColors, projection: "globe" | "mercator"): StyleSpecification {
  return {
    version: 8,
    projection: { type: projection },
    // One source: with each one more, the globe is cut into tiles, and drawn, once more.
    sources: { outlines: { type: "geojson", data: withGraticule([]) } },
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
  const only = (kind: OutlineKind) => ({
    source: "outlines",
    filter: ["==", ["get", "kind"], kind] satisfies FilterSpecification,
  });
  const round = { "line-cap": "round", "line-join": "round" } as const;
  return [
    { id: "water", type: "background", paint: { "background-color": colors.water } },
    {
      id: "land",
      type: "fill",
      ...only("land"),
      paint: { "fill-color": colors.land, "fill-antialias": false },
    },
    {
      id: "graticule",
      type: "line",
      ...only("graticule"),
      paint: { "line-color": colors.graticule, "line-width": 0.5, "line-opacity": 0.5 },
    },
    {
      id: "borders",
      type: "line",
      ...only("border"),
      layout: round,
      paint: { "line-color": colors.border, "line-width": width(1.2, 0.4), "line-opacity": 0.7 },
    },
    {
      id: "coast",
      type: "line",
      ...only("coast"),
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

/** Puts outlines on the map instead of those that are on it. */
export function showOutlines(map: MapLibreMap, outlines: Outlines): void {
  map.getSource<GeoJSONSource>("outlines")?.setData(withGraticule(outlines));
}

const withGraticule = (outlines: Outlines): FeatureCollection => ({
  type: "FeatureCollection",
  features: [graticule(), ...outlines],
});

function graticule(): Outlines[number] {
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
  return outline("graticule", { type: "MultiLineString", coordinates: lines });
}
