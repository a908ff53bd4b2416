"""The catalogue in the shape of the Destination Earth Data Lake (`/stac/v2`): the same data, found alike.

Its clients send more, and in more ways, than the STAC API allows; here they are understood.
"""
