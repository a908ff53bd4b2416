"""The STAC API: routes, what they are asked, and how they answer over HTTP."""
