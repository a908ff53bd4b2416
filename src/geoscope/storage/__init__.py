"""The object store as a service: real S3 for people and programs, and public data by plain HTTPS."""
