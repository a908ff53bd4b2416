const names: Record<string, string> = {
  "1": "",
  degree_C: "°C",
  degrees_C: "°C",
  degC: "°C",
  celsius: "°C",
  Celsius: "°C",
  percent: "%",
  degree: "°",
  degrees: "°",
};

const superscripts: Record<string, string> = {
  "-": "⁻",
  "0": "⁰",
  "1": "¹",
  "2": "²",
  "3": "³",
  "4": "⁴",
  "5": "⁵",
};

/** Writes a unit of the CF conventions (UDUNITS) as people do: `degree_C` is °C, `m s-1` is m s⁻¹, and so is GRIB's `m s**-1`. */
export function writeUnit(unit: string): string {
  const known = names[unit];
  if (known !== undefined) return known;
  return unit.replace(/(?<=[A-Za-z])(?:\*\*)?(-?[0-5])\b/g, (_, power: string) =>
    [...power].map((digit) => superscripts[digit]).join(""),
  );
}
