"""Orders of products that are not online: kept durably, delivered by a job, downloaded by their owner."""
