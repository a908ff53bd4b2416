import "maplibre-gl/dist/maplibre-gl.css";
import { Map as MapLibreMap, type MapOptions, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { type IconName, icon } from "../icons.ts";
import { type LabelKey, labelOf } from "../labels.ts";
import { onThemeChange } from "../theme-colors.ts";
import { type LayerDocument, loadLayer, showLayer, showTime } from "./layer.ts";
import { makeLegend } from "./legend.ts";
import { loadCoarseOutlines, loadFineOutlines } from "./outlines.ts";
import { baseStyle, readMapColors, recolor, showOutlines } from "./style.ts";
import { TimeSlider } from "./time-slider.ts";

// From a file of our own: a page's security policy need not allow workers made of text.
setWorkerUrl(new URL(workerUrl, document.baseURI).href);

const fineOutlinesFromZoom = 2.3;

/**
 * What globe and map share: the base map, a layer with legend and time slider, and what is shown when
 * something is missing. Children that the page puts inside stand in until the map is drawn.
 *
 * `data-state` tells `loading`, `ready` or `failed`; `data-layer` becomes `ready` when the data is on the map.
 */
export abstract class MapElement extends HTMLElement {
  protected map: MapLibreMap | undefined;
  protected readonly stage = document.createElement("div");
  protected readonly tools = document.createElement("div");
  private readonly footer = document.createElement("div");
  private readonly status = document.createElement("p");
  private life = new AbortController();

  /** How this kind of map begins. */
  protected abstract options(): Partial<MapOptions> & { projection: "globe" | "mercator" };

  private credentials: RequestCredentials = "omit";

  /** Called when the style is there: sources and layers can be added. */
  protected abstract begin(map: MapLibreMap, signal: AbortSignal): void;

  /** Called when the layer is known, before it is on the map. */
  protected layerKnown(_map: MapLibreMap, _layer: LayerDocument): void {}

  connectedCallback(): void {
    if (this.map) return;
    this.life = new AbortController();
    if (!this.hasAttribute("role")) this.setAttribute("role", "group");
    this.stage.className = "geo-stage";
    this.tools.className = "geo-tools";
    this.footer.className = "geo-footer";
    this.status.className = "geo-status";
    this.status.role = "status";
    this.append(this.stage, this.footer, this.status);
    this.dataset.state = "loading";
    this.start(this.life.signal);
  }

  disconnectedCallback(): void {
    // An element that is only moved is connected again at once and keeps its map.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.life.abort();
      this.map?.remove();
      this.map = undefined;
      this.stage.replaceChildren();
      this.footer.replaceChildren();
    });
  }

  /** Tells the reader something in words; an empty text takes it back. */
  protected say(text: string): void {
    this.status.textContent = text;
  }

  protected label(key: LabelKey): string {
    return labelOf(this, key);
  }

  protected addTool(name: IconName, key: LabelKey, act: () => void): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", act);
    this.tools.append(button);
    this.nameTool(button, name, key);
    return button;
  }

  protected nameTool(button: HTMLButtonElement, name: IconName, key: LabelKey): void {
    button.replaceChildren(icon(name));
    button.title = this.label(key);
    button.setAttribute("aria-label", this.label(key));
  }

  private start(signal: AbortSignal): void {
    let map: MapLibreMap;
    try {
      map = this.makeMap();
    } catch {
      this.stage.replaceChildren();
      this.dataset.state = "failed";
      this.say(this.label("noMap"));
      return;
    }
    this.map = map;
    map.once("style.load", () => {
      this.begin(map, signal);
      void this.draw(map, signal);
    });
    map.once("load", () => {
      this.dataset.state = "ready";
      this.dispatchEvent(new CustomEvent("geo-ready", { bubbles: true }));
    });
    map.on("error", () => {
      if (this.dataset.layer) this.say(this.label("tilesFailed"));
    });
    onThemeChange(() => recolor(map, readMapColors(this)), signal);
  }

  private makeMap(): MapLibreMap {
    const { projection, ...options } = this.options();
    const container = document.createElement("div");
    this.stage.replaceChildren(container, this.tools);
    const map = new MapLibreMap({
      container,
      style: baseStyle(readMapColors(this), projection),
      attributionControl: false,
      // MapLibre's type does not know "omit"; fetch, which it is for, does.
      transformRequest: (url) => ({ url, credentials: this.credentials as "same-origin" }),
      dragRotate: false,
      touchPitch: false,
      pitchWithRotate: false,
      maxPitch: 0,
      maxZoom: 10,
      // Two device pixels a point are as fine as the eye wants; phones offer three and pay in battery.
      pixelRatio: Math.min(window.devicePixelRatio, 2),
      locale: {
        "Map.Title": this.getAttribute("aria-label") ?? this.label("map"),
        "CooperativeGesturesHandler.WindowsHelpText": this.label("scrollHint"),
        "CooperativeGesturesHandler.MacHelpText": this.label("scrollHintMac"),
        "CooperativeGesturesHandler.MobileHelpText": this.label("touchHint"),
      },
      ...options,
    });
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    this.addTool("plus", "zoomIn", () => map.zoomIn());
    this.addTool("minus", "zoomOut", () => map.zoomOut());
    return map;
  }

  private async draw(map: MapLibreMap, signal: AbortSignal): Promise<void> {
    await Promise.all([this.addOutlines(map, signal), this.addLayer(map, signal)]);
    // Not before the map has the size and zoom that legend and slider leave it.
    map.once("idle", () => this.refineOutlines(map, signal));
  }

  private async addOutlines(map: MapLibreMap, signal: AbortSignal): Promise<void> {
    try {
      const outlines = await loadCoarseOutlines();
      if (!signal.aborted) showOutlines(map, outlines);
    } catch {
      this.say(this.label("outlinesFailed"));
    }
  }

  private refineOutlines(map: MapLibreMap, signal: AbortSignal): void {
    const refine = async () => {
      if (map.getZoom() < fineOutlinesFromZoom) return;
      map.off("zoom", refine);
      try {
        const outlines = await loadFineOutlines();
        if (!signal.aborted) showOutlines(map, outlines);
      } catch {
        // The coarse outlines stay.
      }
    };
    map.on("zoom", refine);
    void refine();
  }

  private async addLayer(map: MapLibreMap, signal: AbortSignal): Promise<void> {
    const url = this.getAttribute("tilejson");
    if (!url) return this.addFooter(null, ["Natural Earth"]);
    try {
      const { document: layer, credentials } = await loadLayer(url, signal);
      this.credentials = credentials;
      this.layerKnown(map, layer);
      showLayer(map, layer);
      this.dataset.layer = "loading";
      map.once("idle", () => {
        this.dataset.layer = "ready";
      });
      this.addFooter(layer, [layer.attribution ?? "", "Natural Earth"]);
    } catch {
      if (signal.aborted) return;
      this.say(this.label("layerFailed"));
      this.addFooter(null, ["Natural Earth"]);
    }
  }

  private addFooter(layer: LayerDocument | null, sources: string[]): void {
    const attribution = document.createElement("p");
    attribution.className = "geo-attribution";
    attribution.textContent = sources.map(plainText).filter(Boolean).join(" · ");
    const legend = layer?.["geoscope:legend"];
    const parts: HTMLElement[] = [];
    if (layer && !this.hasAttribute("plain")) {
      const slider = this.makeTimeSlider(layer);
      if (slider) parts.push(slider.element);
      if (legend) parts.push(makeLegend(this, legend));
    }
    this.footer.replaceChildren(...parts, attribution);
  }

  private makeTimeSlider(layer: LayerDocument): TimeSlider | null {
    const times = layer["geoscope:times"] ?? [];
    if (times.length < 2 || this.hasAttribute("no-time")) return null;
    const start = times.indexOf(layer["geoscope:time"] ?? "");
    return new TimeSlider({
      owner: this,
      times,
      start: start < 0 ? times.length - 1 : start,
      show: (time) => this.showTime(layer, time),
    });
  }

  private async showTime(layer: LayerDocument, time: string): Promise<void> {
    const map = this.map;
    if (!map) return;
    showTime(map, layer, time);
    const input = document.getElementById(this.getAttribute("for-time") ?? "");
    if (input instanceof HTMLInputElement || input instanceof HTMLSelectElement) input.value = time;
    this.dispatchEvent(new CustomEvent("geo-time", { bubbles: true, detail: { time } }));
    await new Promise<void>((resolve) => {
      const check = (event: { sourceId?: string; tile?: unknown }) => {
        if (event.sourceId !== "data" || !event.tile || !map.isSourceLoaded("data")) return;
        map.off("sourcedata", check);
        resolve();
      };
      map.on("sourcedata", check);
    });
  }
}

/** An attribution may hold links; of a stranger's markup only the words are shown, and no element is ever made. */
function plainText(markup: string): string {
  const decoder = document.createElement("textarea");
  decoder.innerHTML = markup.replace(/<[^>]*>/g, "");
  return decoder.value.trim();
}
