"""The runtimes that execute artifacts, one module each."""
