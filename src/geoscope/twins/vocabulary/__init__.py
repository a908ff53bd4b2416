"""ECMWF's vocabulary as the twins keep it: parameters from ecCodes, and what there is."""
