"""Pictures and figures of the documentation, from result files."""
