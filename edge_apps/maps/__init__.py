"""From the bytes that a network gives to the map of a photo."""
