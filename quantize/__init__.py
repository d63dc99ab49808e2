"""Post-training quantisation and quantisation-aware training with one recipe."""

from samnet.notices import silence_notices

# Before torchao is imported, which is when it speaks.
silence_notices()
