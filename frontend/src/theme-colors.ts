/** A colour of the page: a custom property and what stands in where the page has none. */
export type ColorToken = readonly [property: string, fallback: string];

/**
 * Reads colours as they stand at an element, as `rgba()` whatever the page writes them in (oklch, light-dark).
 *
 * The browser resolves the property on a probe; one pixel of a canvas turns any colour space into sRGB.
 */
export function readColors<Name extends string>(
  element: Element,
  tokens: Record<Name, ColorToken>,
): Record<Name, string> {
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colors = {} as Record<Name, string>;
  for (const [name, [property, fallback]] of Object.entries(tokens) as [Name, ColorToken][]) {
    probe.style.color = `var(${property}, ${fallback})`;
    colors[name] = context ? toRgba(context, getComputedStyle(probe).color) : fallback;
  }
  probe.remove();
  return colors;
}

function toRgba(context: CanvasRenderingContext2D, color: string): string {
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha = 255] = context.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${(alpha / 255).toFixed(3)})`;
}

/** Calls back whenever the page's theme changes, until the signal ends it. */
export function onThemeChange(callback: () => void, signal: AbortSignal): void {
  // Transitions of the page's own colours would be read half-way: two frames later they have begun anew.
  const later = () => requestAnimationFrame(() => requestAnimationFrame(callback));
  document.addEventListener("geo-theme", later, { signal });
}
