import "./main.css";
import "htmx.org";
import "./elements/code-tabs.ts";
import "./elements/copy-code.ts";
import { labelOf } from "./labels.ts";

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
    load().catch(() => {
      islands[tag] = load;
      for (const element of document.querySelectorAll<HTMLElement>(tag)) showFailure(element);
    });
  }
}

/** What the page put inside the element stays, with a word on what is missing. */
function showFailure(element: HTMLElement): void {
  if (element.dataset.state === "failed") return;
  element.dataset.state = "failed";
  const message = document.createElement("p");
  message.className = "geo-status";
  message.role = "status";
  message.textContent = labelOf(element, "partFailed");
  element.append(message);
}

loadIslands();
document.addEventListener("htmx:after:settle", loadIslands);
