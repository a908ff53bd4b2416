"""The viewer: any cube as map tiles, pictures and legends."""
