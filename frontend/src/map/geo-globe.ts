import type { Map as MapLibreMap, MapOptions } from "maplibre-gl";
import { lonLatOf } from "./coordinates.ts";
import { MapElement } from "./map-element.ts";

const degreesPerSecond = 4;
const shortestFrame = 1000 / 30;
// A machine that draws slower than this, so many times on end, is better left in peace.
const longestFrame = 150;
const slowFramesBorne = 6;
// The camera sees 2·atan(1/3) = 36.87°: it stands one and a half heights of the picture away.
const cameraHeights = 1.5;

/** `<geo-globe>`: the Earth with a layer, turning slowly. See docs/frontend.md. */
class GeoGlobe extends MapElement {
  private turning = false;
  private pointedAt = false;
  private inSight = true;
  private frame = 0;
  private lastFrame = 0;
  private slowFrames = 0;
  private tooSlow = () => {};

  protected override options(): Partial<MapOptions> & { projection: "globe" } {
    const center = lonLatOf(this.getAttribute("center")) ?? { lon: 0, lat: 20 };
    return {
      projection: "globe",
      center: [center.lon, center.lat],
      zoom: this.zoomToFit(center.lat),
      minZoom: -1,
      maxZoom: 6,
      // The page scrolls on over the globe; fingers move the page, two of them the globe.
      scrollZoom: false,
      cooperativeGestures: matchMedia("(pointer: coarse)").matches,
    };
  }

  protected override begin(map: MapLibreMap, signal: AbortSignal): void {
    const air = document.createElement("div");
    air.className = "geo-air";
    this.stage.append(air);
    const fitAir = () => {
      air.style.inlineSize = `${2 * this.rimRadius(map)}px`;
    };
    let fitted = map.getZoom();
    map.on("resize", () => {
      // Whoever has zoomed keeps the zoom.
      if (Math.abs(map.getZoom() - fitted) < 0.01) map.jumpTo({ zoom: this.zoomToFit(map.getCenter().lat) });
      fitted = map.getZoom();
      fitAir();
    });
    map.on("move", fitAir);
    fitAir();
    if (this.hasAttribute("spin")) this.addTurning(map, signal);
  }

  private addTurning(map: MapLibreMap, signal: AbortSignal): void {
    this.turning = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    const button = this.addTool("pause", "stopTurning", () => {
      this.turning = !this.turning;
      nameButton();
      this.turnOrRest(map);
    });
    this.tooSlow = () => {
      this.turning = false;
      nameButton();
    };
    const nameButton = () =>
      this.turning
        ? this.nameTool(button, "pause", "stopTurning")
        : this.nameTool(button, "play", "startTurning");
    nameButton();
    const globe = map.getCanvasContainer();
    const look = (pointedAt: boolean) => () => {
      this.pointedAt = pointedAt;
      this.turnOrRest(map);
    };
    globe.addEventListener("pointerenter", look(true), { signal });
    globe.addEventListener("pointerleave", look(false), { signal });
    map.getCanvas().addEventListener("focus", () => this.turnOrRest(map), { signal });
    map.getCanvas().addEventListener("blur", () => this.turnOrRest(map), { signal });
    document.addEventListener("visibilitychange", () => this.turnOrRest(map), { signal });
    const sight = new IntersectionObserver(([entry]) => {
      this.inSight = entry?.isIntersecting ?? true;
      this.turnOrRest(map);
    });
    sight.observe(this);
    signal.addEventListener("abort", () => {
      sight.disconnect();
      cancelAnimationFrame(this.frame);
    });
    this.turnOrRest(map);
  }

  private turnOrRest(map: MapLibreMap): void {
    cancelAnimationFrame(this.frame);
    const focused = map.getCanvas().matches(":focus-visible");
    if (!this.turning || this.pointedAt || focused || !this.inSight || document.hidden) return;
    this.lastFrame = performance.now();
    this.slowFrames = 0;
    const turn = (now: number) => {
      const passed = now - this.lastFrame;
      if (passed >= shortestFrame) {
        this.lastFrame = now;
        this.slowFrames = passed > longestFrame ? this.slowFrames + 1 : 0;
        if (this.slowFrames > slowFramesBorne) {
          this.tooSlow();
          return;
        }
        const { lng, lat } = map.getCenter();
        // After a long frame the globe goes on from where it stood, it does not leap.
        map.jumpTo({ center: [lng - (degreesPerSecond * Math.min(passed, 100)) / 1000, lat] });
      }
      this.frame = requestAnimationFrame(turn);
    };
    this.frame = requestAnimationFrame(turn);
  }

  /** The zoom at which the globe fills most of its place. */
  private zoomToFit(latitude: number): number {
    const { clientWidth, clientHeight } = this.stage;
    const rim = 0.46 * Math.max(Math.min(clientWidth, clientHeight), 100);
    const camera = cameraHeights * Math.max(clientHeight, 100);
    const radius = (rim * rim + rim * Math.hypot(rim, camera)) / camera;
    return Math.log2((2 * Math.PI * radius * Math.cos(radians(latitude))) / 512);
  }

  /**
   * How far from the middle the rim of the globe is seen, in pixels.
   *
   * At zoom z the globe's equator is 512·2^z / cos φ pixels long, φ being the latitude in the middle. The camera
   * stands at the distance c from the surface, so of a globe with radius r the rim is seen at c·r / √(c² + 2·c·r).
   */
  private rimRadius(map: MapLibreMap): number {
    const radius = (512 * 2 ** map.getZoom()) / (2 * Math.PI * Math.cos(radians(map.getCenter().lat)));
    const camera = cameraHeights * this.stage.clientHeight;
    return (camera * radius) / Math.sqrt(camera * camera + 2 * camera * radius);
  }
}

const radians = (degrees: number) => (degrees * Math.PI) / 180;

customElements.define("geo-globe", GeoGlobe);
