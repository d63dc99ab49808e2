"""Post-training quantization and quantization-aware training with one recipe."""

from common.quiet_libraries import silence_notices

# Before torchao is imported, which is when it speaks.
silence_notices()
