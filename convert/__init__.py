"""Turns checkpoints and quantized programs into artifacts for devices."""

import contextlib

# Without torch, which silencing imports, the doctor still has to say that it is missing; every
# other command fails where it imports torch itself.
with contextlib.suppress(ModuleNotFoundError):
    from common.quiet_libraries import silence_notices

    # Before the converters' libraries are imported, which is when they speak.
    silence_notices()
