import type { Map as MapLibreMap, RasterTileSource } from "maplibre-gl";
import { firstLayerAboveData } from "./style.ts";

/** What the colours mean: part `geoscope:legend` of a TileJSON document. */
export interface LegendDocument {
  title: string;
  unit: string;
  vmin: number;
  vmax: number;
  stops: { value: number; color: string }[];
}

/** TileJSON 3.0 with the platform's additions. */
export interface LayerDocument {
  tiles: string[];
  bounds?: [number, number, number, number];
  minzoom?: number;
  maxzoom?: number;
  attribution?: string;
  "geoscope:legend"?: LegendDocument;
  "geoscope:times"?: string[];
  /** The time that the tiles show. */
  "geoscope:time"?: string | null;
}

export interface Layer {
  document: LayerDocument;
  /** How its tiles are asked for. */
  credentials: RequestCredentials;
}

/**
 * Asks as a stranger first: what is for everybody then costs the platform no question of who is looking, for
 * each of many tiles. What is not is asked for as the visitor.
 */
export async function loadLayer(url: string, signal: AbortSignal): Promise<Layer> {
  const ask = (credentials: RequestCredentials) =>
    fetch(url, { signal, credentials, headers: { Accept: "application/json" } });
  let credentials: RequestCredentials = "omit";
  let response = await ask(credentials);
  if ([401, 403, 404].includes(response.status)) {
    credentials = "same-origin";
    response = await ask(credentials);
  }
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return { document: (await response.json()) as LayerDocument, credentials };
}

/** Puts the data between land and outlines. */
export function showLayer(map: MapLibreMap, layer: LayerDocument): void {
  map.addSource("data", {
    type: "raster",
    tiles: layer.tiles,
    tileSize: 256,
    ...(layer.bounds && { bounds: layer.bounds }),
    minzoom: layer.minzoom ?? 0,
    maxzoom: layer.maxzoom ?? 8,
  });
  map.addLayer(
    // A fade between two times would show values that neither has.
    { id: "data", type: "raster", source: "data", paint: { "raster-fade-duration": 0 } },
    firstLayerAboveData,
  );
}

/** Shows another time; what is on the map stays until the new pictures are there. */
export function showTime(map: MapLibreMap, layer: LayerDocument, time: string): void {
  const source = map.getSource("data") as RasterTileSource | undefined;
  source?.setTiles(layer.tiles.map((template) => withTime(template, time)));
}

// The path holds {z}, {x} and {y}, which a URL object would escape.
function withTime(template: string, time: string): string {
  const [path, query] = template.split("?");
  const parameters = new URLSearchParams(query);
  parameters.set("datetime", time);
  return `${path}?${parameters}`;
}
