"""Training: recipes, losses, data of a run, its state and its log."""
