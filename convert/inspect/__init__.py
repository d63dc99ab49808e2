"""All there is to know of a network's file."""
