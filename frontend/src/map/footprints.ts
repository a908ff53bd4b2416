import type { Feature, FeatureCollection } from "geojson";
import type { GeoJSONSource, Map as MapLibreMap } from "maplibre-gl";
import type { Bbox } from "./coordinates.ts";

const wholeEarth = 360 * 180;
const emptyCollection: FeatureCollection = { type: "FeatureCollection", features: [] };

/** Outlines of search results: named when pointed at, followed when clicked. */
export class Footprints {
  private readonly tip = document.createElement("p");
  private hovered: string | number | undefined;
  private boxes: Bbox[] = [];

  constructor(private readonly map: MapLibreMap) {
    this.tip.className = "geo-tip";
    this.tip.hidden = true;
  }

  listen(stage: HTMLElement, followLinks: boolean): void {
    stage.append(this.tip);
    this.map.on("mousemove", "footprints-area", (event) => {
      const feature = event.features?.[0];
      this.hover(feature?.id);
      const title = feature?.properties.title;
      this.map.getCanvas().style.cursor = followLinks && feature?.properties.href ? "pointer" : "";
      this.tip.hidden = !title;
      this.tip.textContent = String(title ?? "");
      this.tip.style.translate = `${event.point.x + 12}px ${event.point.y + 12}px`;
    });
    this.map.on("mouseleave", "footprints-area", () => {
      this.hover(undefined);
      this.map.getCanvas().style.cursor = "";
      this.tip.hidden = true;
    });
    if (!followLinks) return;
    this.map.on("click", "footprints-area", (event) => {
      const address = event.features?.[0]?.properties.href;
      if (typeof address !== "string") return;
      const target = new URL(address, document.baseURI);
      if (target.origin === location.origin) location.assign(target);
    });
  }

  /** Shows the outlines at an address, or in the element `#ID` of the page. */
  async load(address: string, signal: AbortSignal): Promise<void> {
    const collection = address.startsWith("#")
      ? readScript(address.slice(1))
      : await fetchGeoJson(address, signal);
    if (signal.aborted) return;
    const features = collection.features
      .map((feature) => ({ feature, size: sizeOf(feature) }))
      // An outline around everything says nothing; small ones lie on top, where they can be pointed at.
      .filter(({ size }) => size < 0.8 * wholeEarth)
      .sort((one, other) => other.size - one.size)
      .map(({ feature }) => feature);
    this.boxes = features.map(boxOf);
    const source = this.map.getSource("footprints") as GeoJSONSource | undefined;
    source?.setData({ type: "FeatureCollection", features });
  }

  /** The box around all outlines; nothing when there are none. */
  get extent(): Bbox | undefined {
    if (this.boxes.length === 0) return undefined;
    const side = (place: 0 | 1 | 2 | 3) => this.boxes.map((box) => box[place]);
    return [Math.min(...side(0)), Math.min(...side(1)), Math.max(...side(2)), Math.max(...side(3))];
  }

  private hover(id: string | number | undefined): void {
    if (id === this.hovered) return;
    const set = (target: string | number | undefined, hover: boolean) => {
      if (target !== undefined) this.map.setFeatureState({ source: "footprints", id: target }, { hover });
    };
    set(this.hovered, false);
    set(id, true);
    this.hovered = id;
  }
}

/** The size of the box around a feature, in square degrees. */
function sizeOf(feature: Feature): number {
  const [west, south, east, north] = boxOf(feature);
  return (east - west) * (north - south);
}

/** The box around a feature, which may reach around the Earth where it lies on both sides of 180 degrees. */
function boxOf({ geometry }: Feature): Bbox {
  const places = "coordinates" in geometry ? (geometry.coordinates.flat(4) as number[]) : [];
  const longitudes = places.filter((_, index) => index % 2 === 0);
  const latitudes = places.filter((_, index) => index % 2 === 1);
  return [Math.min(...longitudes), Math.min(...latitudes), Math.max(...longitudes), Math.max(...latitudes)];
}

function readScript(id: string): FeatureCollection {
  const text = document.getElementById(id)?.textContent;
  return text ? (JSON.parse(text) as FeatureCollection) : emptyCollection;
}

async function fetchGeoJson(url: string, signal: AbortSignal): Promise<FeatureCollection> {
  const response = await fetch(url, { signal, headers: { Accept: "application/geo+json" } });
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return (await response.json()) as FeatureCollection;
}
