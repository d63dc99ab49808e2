"""Files of weights: this project's, the authors', and warm starts from other networks."""
