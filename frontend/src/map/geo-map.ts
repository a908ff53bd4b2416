import type { LngLatBoundsLike, Map as MapLibreMap, MapOptions } from "maplibre-gl";
import { AreaDrawing } from "./area-drawing.ts";
import { type Bbox, bboxOf, cornersOf, lonLatOf } from "./coordinates.ts";
import { Footprints } from "./footprints.ts";
import type { LayerDocument } from "./layer.ts";
import { MapElement } from "./map-element.ts";
import { addMarkLayers } from "./marks.ts";
import { PointPicker } from "./point-picker.ts";

const inhabitedWorld: LngLatBoundsLike = [
  [-170, -58],
  [190, 75],
];
const fit = { padding: 24, maxZoom: 7, animate: false };

/** Of data around the whole Earth a flat map shows where people live. */
function extentOf(bbox: Bbox): LngLatBoundsLike {
  const [[west, south], [east, north]] = cornersOf(bbox);
  return east - west > 300 ? inhabitedWorld : [west, south, east, north];
}

/** `<geo-map>`: a map to look at, to pick a point or to draw an area on. See docs/frontend.md. */
class GeoMap extends MapElement {
  static readonly observedAttributes = ["bbox", "point", "footprints"];

  private picker: PointPicker | undefined;
  private area: AreaDrawing | undefined;
  private footprints: Footprints | undefined;
  private extent: LngLatBoundsLike = inhabitedWorld;
  private movedByHand = false;

  attributeChangedCallback(name: string): void {
    if (name === "point") this.showPoint();
    if (name === "bbox") this.showArea();
    if (name === "footprints") void this.showFootprints(new AbortController().signal);
  }

  protected override options(): Partial<MapOptions> & { projection: "globe" | "mercator" } {
    const bbox = bboxOf(this.getAttribute("bbox"));
    if (bbox) this.extent = extentOf(bbox);
    return {
      projection: this.hasAttribute("globe") ? "globe" : "mercator",
      bounds: this.extent,
      fitBoundsOptions: fit,
      cooperativeGestures: true,
    };
  }

  protected override begin(map: MapLibreMap, signal: AbortSignal): void {
    addMarkLayers(map, this, signal);
    this.addProjectionTool(map);
    this.keepExtent(map);
    this.picker = new PointPicker(this, map);
    if (this.hasAttribute("pick")) this.picker.listen(this.stage, this.label("pickHint"), signal);
    this.area = new AreaDrawing(this, map, (key) => this.label(key));
    if (this.hasAttribute("select-area")) this.area.listen(this.stage, signal);
    this.footprints = new Footprints(map);
    this.footprints.listen(this.stage, !this.hasAttribute("pick"));
    this.showPoint();
    this.showArea();
    void this.showFootprints(signal);
    document.addEventListener("htmx:after:settle", () => this.readFootprintsAgain(signal), { signal });
  }

  protected override layerKnown(map: MapLibreMap, layer: LayerDocument): void {
    if (!layer.bounds || this.hasAttribute("bbox")) return;
    this.extent = extentOf(layer.bounds);
    map.fitBounds(this.extent, fit);
  }

  /** The legend takes its place below the map when it comes: until a hand moves the map, the extent stays in it. */
  private keepExtent(map: MapLibreMap): void {
    const moved = () => {
      this.movedByHand = true;
    };
    map.on("movestart", (event) => event.originalEvent && moved());
    this.tools.addEventListener("click", moved, { once: true });
    const adapt = () => {
      if (this.stage.clientWidth === 0) return;
      // A flat map is at least as wide as its place: the Earth is not shown twice side by side.
      const flat = map.getProjection()?.type !== "globe";
      map.setMinZoom(flat ? Math.log2(this.stage.clientWidth / 512) : -1);
      if (!this.movedByHand) map.fitBounds(this.extent, fit);
    };
    map.on("resize", adapt);
    map.on("projectiontransition", adapt);
    adapt();
  }

  private addProjectionTool(map: MapLibreMap): void {
    let globe = this.hasAttribute("globe");
    const name = () =>
      globe ? this.nameTool(button, "flat", "showFlat") : this.nameTool(button, "globe", "showGlobe");
    const button = this.addTool("globe", "showGlobe", () => {
      globe = !globe;
      map.setProjection({ type: globe ? "globe" : "mercator" });
      name();
    });
    name();
  }

  private showPoint(): void {
    const point = lonLatOf(this.getAttribute("point"));
    if (point) this.picker?.mark(point);
  }

  private showArea(): void {
    // A layer shows its extent by itself.
    if (this.hasAttribute("tilejson") && !this.hasAttribute("select-area")) return;
    this.area?.show(bboxOf(this.getAttribute("bbox")));
  }

  private async showFootprints(signal: AbortSignal): Promise<void> {
    const source = this.getAttribute("footprints");
    if (!source || !this.footprints) return;
    try {
      await this.footprints.load(source, signal);
      this.fitFootprints();
    } catch {
      if (!signal.aborted) this.say(this.label("footprintsFailed"));
    }
  }

  /** With `fit` the map goes to what was found, unless an area was chosen or a hand has moved it. */
  private fitFootprints(): void {
    const found = this.footprints?.extent;
    if (!this.hasAttribute("fit") || this.hasAttribute("bbox") || this.movedByHand || !found) return;
    this.extent = extentOf(found);
    this.map?.fitBounds(this.extent, fit);
  }

  private readFootprintsAgain(signal: AbortSignal): void {
    if (this.getAttribute("footprints")?.startsWith("#")) void this.showFootprints(signal);
  }
}

customElements.define("geo-map", GeoMap);
