"""The demo: real climate, ocean and satellite data, loaded through the same doors that users have."""
