"""Shared by all packages: errors, files, pictures, command lines, progress and result files."""
