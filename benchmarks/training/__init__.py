"""Throughput of training, beside a plain training loop."""
