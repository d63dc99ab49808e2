"""The operations of programs and artifacts, alike for all formats."""
