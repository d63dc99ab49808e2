"""Post-training quantisation and quantisation-aware training with one recipe."""
