export interface LonLat {
  lon: number;
  lat: number;
}

/** West, south, east, north in degrees; west is greater than east where the area crosses the 180th meridian. */
export type Bbox = [number, number, number, number];

/** Reads `lon,lat`; null if it is none. */
export function lonLatOf(text: string | null): LonLat | null {
  const numbers = numbersOf(text, 2);
  return numbers && { lon: numbers[0] as number, lat: numbers[1] as number };
}

/** Reads `west,south,east,north`; null if it is none. */
export function bboxOf(text: string | null): Bbox | null {
  return numbersOf(text, 4) as Bbox | null;
}

function numbersOf(text: string | null, count: number): number[] | null {
  const numbers = (text ?? "").split(",").map((part) => (part.trim() ? Number(part) : Number.NaN));
  return numbers.length === count && numbers.every(Number.isFinite) ? numbers : null;
}

/** The corners of an area for drawing: east lies east of west, past 180 if need be. */
export function cornersOf([west, south, east, north]: Bbox): [[number, number], [number, number]] {
  return [
    [west, south],
    [east < west ? east + 360 : east, north],
  ];
}

/** Brings a longitude into -180..180. */
export function wrapLongitude(longitude: number): number {
  return longitude >= -180 && longitude <= 180 ? longitude : ((((longitude + 180) % 360) + 360) % 360) - 180;
}

/** Sets inputs of the page by their ids; the last one fires `change`, and with `submit` its form is sent. */
export function fillInputs(values: Record<string, string>, submit: boolean): void {
  let last: HTMLInputElement | undefined;
  for (const [id, value] of Object.entries(values)) {
    const input = document.getElementById(id);
    if (!(input instanceof HTMLInputElement)) continue;
    input.value = value;
    last = input;
  }
  last?.dispatchEvent(new Event("change", { bubbles: true }));
  if (submit) last?.form?.requestSubmit();
}
