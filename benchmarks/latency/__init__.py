"""Latency of networks in every form, beside the networks and runtimes of others."""
