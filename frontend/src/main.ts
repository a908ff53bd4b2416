import "./main.css";
import "htmx.org";
import "./elements/code-tabs.ts";
import "./elements/copy-code.ts";

// Elements that draw are heavy: their code comes when the first of them is on the page.
const islands: Record<string, () => Promise<unknown>> = {
  "geo-globe": () => import("./map/geo-globe.ts"),
  "geo-map": () => import("./map/geo-map.ts"),
  "geo-series": () => import("./series/geo-series.ts"),
};

function loadIslands(): void {
  for (const [tag, load] of Object.entries(islands)) {
    if (!document.querySelector(tag)) continue;
    delete islands[tag];
    void load();
  }
}

loadIslands();
document.addEventListener("htmx:after:settle", loadIslands);
