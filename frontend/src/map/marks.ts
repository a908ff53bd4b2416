import type { LayerSpecification, Map as MapLibreMap } from "maplibre-gl";
import { type ColorToken, onThemeChange, readColors } from "../theme-colors.ts";

const tokens = {
  mark: ["--map-mark", "#c2410c"],
  ring: ["--surface", "#ffffff"],
} as const satisfies Record<string, ColorToken>;

type MarkColors = Record<keyof typeof tokens, string>;

const emptyCollection = { type: "FeatureCollection" as const, features: [] };

/** Adds what is drawn over data and outlines: footprints of results, the chosen area, the chosen point. */
export function addMarkLayers(map: MapLibreMap, owner: Element, signal: AbortSignal): void {
  map.addSource("footprints", { type: "geojson", data: emptyCollection, generateId: true });
  map.addSource("area", { type: "geojson", data: emptyCollection });
  map.addSource("point", { type: "geojson", data: emptyCollection });
  for (const layer of markLayers(readColors(owner, tokens))) map.addLayer(layer);
  onThemeChange(() => {
    for (const layer of markLayers(readColors(owner, tokens))) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        map.setPaintProperty(layer.id, name as never, value as never);
      }
    }
  }, signal);
}

function markLayers({ mark, ring }: MarkColors): LayerSpecification[] {
  const whenPointedAt = (
    yes: number,
    no: number,
  ): ["case", ["boolean", ["feature-state", "hover"], false], number, number] => [
    "case",
    ["boolean", ["feature-state", "hover"], false],
    yes,
    no,
  ];
  return [
    {
      id: "footprints-area",
      type: "fill",
      source: "footprints",
      paint: { "fill-color": mark, "fill-opacity": whenPointedAt(0.15, 0) },
    },
    {
      id: "footprints-line",
      type: "line",
      source: "footprints",
      paint: { "line-color": mark, "line-width": whenPointedAt(2.5, 1.25) },
    },
    {
      id: "area-line",
      type: "line",
      source: "area",
      paint: { "line-color": mark, "line-width": 2, "line-dasharray": [3, 2] },
    },
    {
      id: "point",
      type: "circle",
      source: "point",
      paint: {
        "circle-color": mark,
        "circle-radius": 6,
        "circle-stroke-color": ring,
        "circle-stroke-width": 2.5,
        "circle-pitch-alignment": "viewport",
      },
    },
  ];
}
