"""Instructions that an inference executes on arm64 cores, counted under emulation."""
