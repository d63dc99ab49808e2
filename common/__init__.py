"""What all packages share: errors, files, pictures, command lines, result files."""
