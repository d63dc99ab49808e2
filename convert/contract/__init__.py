"""What every converter is asked for: forms, engines and sources."""
