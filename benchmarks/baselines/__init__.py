"""The paper's lightweight baselines, trained here: their weights, and how new ones come in."""
