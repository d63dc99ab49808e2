"""The report: all result files as one page."""
