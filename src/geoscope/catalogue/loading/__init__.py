"""Bulk loading: sources give documents, checker processes make records of them, one writer stores these.

`loader.load` is the main path. How far a load has come is stored with each batch, so that one that was killed
goes on where it was.
"""
