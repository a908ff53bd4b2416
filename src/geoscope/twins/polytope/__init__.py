"""The Polytope API: whole fields as GRIB, and features cut out of them as CoverageJSON."""
