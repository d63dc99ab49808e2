"""Time of an artifact's operations, and which torch modules they come from."""
