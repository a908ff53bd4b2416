"""The management half as an API: the same functions that the pages call, as JSON."""
