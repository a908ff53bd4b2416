"""ECMWF's vocabulary: requests in the words of MARS, what there is in these words, what can still be chosen.

It stands alone, for all that speak it: the catalogue, the twins, Polytope.
"""
