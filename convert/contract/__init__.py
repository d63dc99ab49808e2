"""Interface of every converter: forms, engines and sources."""
