/** Line drawings for buttons, 16 units square, in the colour of the text. */
const paths = {
  play: "M5 3.5v9l7.5-4.5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  globe: "M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2zM2 8h12M8 2c3.2 3.6 3.2 8.4 0 12M8 2c-3.2 3.6-3.2 8.4 0 12",
  flat: "M2 4l4-1.5 4 1.5 4-1.5v9.5l-4 1.5-4-1.5-4 1.5zM6 2.5v9.5M10 4v9.5",
} as const;

export type IconName = keyof typeof paths;

export function icon(name: IconName): SVGSVGElement {
  const namespace = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(namespace, "svg");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("aria-hidden", "true");
  drawing.classList.add("geo-icon");
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", paths[name]);
  drawing.append(path);
  return drawing;
}
