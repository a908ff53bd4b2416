"""Ingest: files of a model's output become the twins' growing cubes."""
