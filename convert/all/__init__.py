"""All forms of a network at once."""
