"""Tables, charts, pages and timing that several benchmarks use."""
