"""Tables and pictures of the documentation, made from result files."""
