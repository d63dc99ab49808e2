"""What all result files say, as a page."""
