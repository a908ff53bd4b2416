"""Long work as durable jobs: asked for by OGC API - Processes, run by a worker that survives a crash."""
