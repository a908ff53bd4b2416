import assert from "node:assert/strict";
import { test } from "node:test";
import { writeUnit } from "../src/units.ts";

test("units of the CF conventions are written as people write them", () => {
  const written = ["K", "degree_C", "1", "m s-1", "kg m-2 s-1", "W m-2", "m**2 s**-2", "°C"].map(writeUnit);
  assert.deepEqual(written, ["K", "°C", "", "m s⁻¹", "kg m⁻² s⁻¹", "W m⁻²", "m² s⁻²", "°C"]);
});
