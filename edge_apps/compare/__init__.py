"""Compares maps and latency of the same artifacts on several backends and devices."""
