"""One module for each runtime that executes artifacts."""
