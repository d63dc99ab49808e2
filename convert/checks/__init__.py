"""What an artifact has to pass before it gets its name."""
