"""Users' own collections: files become a described, validated, shared collection of the catalogue.

The main path is `publish.Publication`, run as a job. Files are read in processes of their own
(`reader_process`): a file is a stranger's, and what it makes its library do is bounded there.
"""
