import type { GeoJSONSource, Map as MapLibreMap } from "maplibre-gl";
import { fillInputs, type LonLat, wrapLongitude } from "./coordinates.ts";

/** Lets the reader choose a point by a click, or by Enter under a cross in the middle of the map. */
export class PointPicker {
  constructor(
    private readonly owner: HTMLElement,
    private readonly map: MapLibreMap,
  ) {}

  listen(stage: HTMLElement, hint: string, signal: AbortSignal): void {
    this.map.on("click", (event) => this.pick(event.lngLat.lng, event.lngLat.lat));
    this.map.getCanvas().style.cursor = "crosshair";
    const cross = document.createElement("div");
    cross.className = "geo-cross";
    const words = document.createElement("p");
    words.className = "geo-hint";
    words.id = `geo-hint-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    words.textContent = hint;
    stage.append(cross, words);
    this.map.getCanvas().setAttribute("aria-describedby", words.id);
    this.map.getCanvas().addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        const { lng, lat } = this.map.getCenter();
        this.pick(lng, lat);
      },
      { signal },
    );
  }

  mark(point: LonLat): void {
    const source = this.map.getSource("point") as GeoJSONSource | undefined;
    source?.setData({ type: "Point", coordinates: [point.lon, point.lat] });
  }

  private pick(longitude: number, latitude: number): void {
    const lon = Number(wrapLongitude(longitude).toFixed(5));
    const lat = Number(latitude.toFixed(5));
    this.mark({ lon, lat });
    fillInputs(
      {
        [this.owner.getAttribute("for-lon") ?? ""]: String(lon),
        [this.owner.getAttribute("for-lat") ?? ""]: String(lat),
      },
      this.owner.hasAttribute("submit"),
    );
    this.owner.dispatchEvent(new CustomEvent("geo-pick", { bubbles: true, detail: { lon, lat } }));
  }
}
