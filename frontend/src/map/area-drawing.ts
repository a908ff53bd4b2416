import type { GeoJSONSource, Map as MapLibreMap, Point } from "maplibre-gl";
import type { LabelKey } from "../labels.ts";
import { type Bbox, cornersOf, fillInputs, wrapLongitude } from "./coordinates.ts";

/** Lets the reader draw a rectangle: by a button and a drag, by a drag with Shift, or from the view as it is. */
export class AreaDrawing {
  private readonly sheet = document.createElement("div");
  private readonly drawButton: HTMLButtonElement;

  constructor(
    private readonly owner: HTMLElement,
    private readonly map: MapLibreMap,
    private readonly label: (key: LabelKey) => string,
  ) {
    this.drawButton = this.makeButton("drawArea", () => this.setDrawing(!this.drawing));
  }

  listen(stage: HTMLElement, signal: AbortSignal): void {
    const bar = document.createElement("div");
    bar.className = "geo-area-tools";
    bar.append(
      this.drawButton,
      this.makeButton("useView", () => this.choose(this.view())),
      this.makeButton("clearArea", () => this.choose(null)),
    );
    this.sheet.className = "geo-drawing-sheet";
    this.sheet.hidden = true;
    this.sheet.textContent = this.label("drawHint");
    this.setDrawing(false);
    stage.append(this.sheet, bar);
    this.map.boxZoom.disable();
    this.sheet.addEventListener("pointerdown", (event) => this.drag(event, signal), { signal });
    this.map.on("mousedown", (event) => {
      if (!event.originalEvent.shiftKey) return;
      event.preventDefault();
      this.drag(event.originalEvent, signal);
    });
    this.owner.addEventListener("keydown", (event) => event.key === "Escape" && this.setDrawing(false), {
      signal,
    });
  }

  show(bbox: Bbox | null): void {
    const source = this.map.getSource("area") as GeoJSONSource | undefined;
    source?.setData(bbox ? rectangle(bbox) : { type: "FeatureCollection", features: [] });
  }

  private get drawing(): boolean {
    return !this.sheet.hidden;
  }

  private setDrawing(on: boolean): void {
    this.sheet.hidden = !on;
    this.drawButton.setAttribute("aria-pressed", String(on));
  }

  private drag(start: MouseEvent | PointerEvent, signal: AbortSignal): void {
    start.preventDefault();
    const from = this.placeOf(start);
    const stop = new AbortController();
    const until = AbortSignal.any([signal, stop.signal]);
    let bbox: Bbox | null = null;
    window.addEventListener(
      "pointermove",
      (event) => {
        bbox = this.bboxBetween(from, this.placeOf(event));
        this.show(bbox);
      },
      { signal: until },
    );
    for (const end of ["pointerup", "pointercancel"] as const) {
      window.addEventListener(
        end,
        () => {
          stop.abort();
          this.setDrawing(false);
          // A click without a drag is no area.
          if (bbox && end === "pointerup") this.choose(bbox);
        },
        { signal: until },
      );
    }
  }

  private choose(bbox: Bbox | null): void {
    this.setDrawing(false);
    this.show(bbox);
    const text = bbox?.join(",") ?? "";
    const inputs: Record<string, string> = {};
    for (const [index, side] of ["west", "south", "east", "north"].entries()) {
      const id = this.owner.getAttribute(`for-${side}`);
      if (id) inputs[id] = String(bbox?.[index] ?? "");
    }
    const id = this.owner.getAttribute("for-bbox");
    if (id) inputs[id] = text;
    fillInputs(inputs, this.owner.hasAttribute("submit"));
    this.owner.dispatchEvent(new CustomEvent("geo-area", { bubbles: true, detail: { bbox } }));
  }

  private view(): Bbox {
    const bounds = this.map.getBounds();
    return asBbox(bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth());
  }

  private placeOf(event: MouseEvent): [number, number] {
    const frame = this.map.getCanvas().getBoundingClientRect();
    const place = this.map.unproject([
      event.clientX - frame.left,
      event.clientY - frame.top,
    ] as unknown as Point);
    return [place.lng, place.lat];
  }

  private bboxBetween(
    [longitude, latitude]: [number, number],
    [otherLongitude, otherLatitude]: [number, number],
  ): Bbox {
    return asBbox(
      Math.min(longitude, otherLongitude),
      Math.min(latitude, otherLatitude),
      Math.max(longitude, otherLongitude),
      Math.max(latitude, otherLatitude),
    );
  }

  private makeButton(key: LabelKey, act: () => void): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = this.label(key);
    button.addEventListener("click", act);
    return button;
  }
}

/** Two decimals are about a kilometre: as fine as a hand draws. */
function asBbox(west: number, south: number, east: number, north: number): Bbox {
  const round = (degrees: number) => Number(degrees.toFixed(2));
  const whole = east - west >= 360;
  return [
    whole ? -180 : round(wrapLongitude(west)),
    round(Math.max(south, -90)),
    whole ? 180 : round(wrapLongitude(east)),
    round(Math.min(north, 90)),
  ];
}

function rectangle(bbox: Bbox): import("geojson").Polygon {
  const [[west, south], [east, north]] = cornersOf(bbox);
  const ring = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ];
  return { type: "Polygon", coordinates: [ring] };
}
