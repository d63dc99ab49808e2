"""Which commands can run here, and what the others lack."""
