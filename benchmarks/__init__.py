"""Measurements of accuracy, latency, memory and training, and the pages made from them."""
