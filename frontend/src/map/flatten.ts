import type { Position } from "geojson";

/**
 * The shapes lie on the sphere and cross the 180th meridian with a jump. Here longitude runs on past 180
 * instead, which a flat map can draw and repeat.
 */
export function unwrap(line: Position[]): Position[] {
  let turns = 0;
  let previous = line[0]?.[0] ?? 0;
  return line.map(([longitude = 0, latitude = 0]) => {
    if (longitude - previous > 180) turns -= 1;
    if (longitude - previous < -180) turns += 1;
    previous = longitude;
    return [longitude + 360 * turns, latitude];
  });
}

/** A ring around a pole does not come back to where it began: it is closed along the map's edge. */
export function flattenRing(ring: Position[]): Position[] {
  const flat = unwrap(ring);
  const [first, last] = [flat[0], flat.at(-1)];
  if (!first || !last || Math.abs((last[0] ?? 0) - (first[0] ?? 0)) < 180) return flat;
  const pole = (first[1] ?? 0) < 0 ? -90 : 90;
  return [...flat, [last[0] as number, pole], [first[0] as number, pole], first];
}
