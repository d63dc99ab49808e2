"""Copies a video's sound with ffmpeg, since OpenCV writes none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from edge_apps.sources.containers import has_sound

CODECS = ("copy", "aac")
"""What ffmpeg is asked for: the sound as it is, else in a form that every MP4 may hold."""


def add_sound(video: Path, source: Path, seconds: float) -> str:
    """Add the sound of one video to another that was made of its frames.

    Args:
        video: an ``.mp4`` without sound; replaced by one with it.
        source: the video that has the sound.
        seconds: how much of it is wanted.

    Returns:
        What the user should know if there was sound and it is lost; else nothing.
    """
    sound = has_sound(source)
    if sound is False:
        return ""
    lost = "its sound is lost" if sound else "its sound, if it has any, is lost"
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return f"{lost}: no ffmpeg on the PATH, which would copy it"
    mixed = video.with_name(f"{video.stem}.sound{video.suffix}")
    try:
        reason = ""
        for codec in CODECS:
            reason = _mix(ffmpeg, video, source, seconds, codec, mixed)
            if not reason:
                mixed.replace(video)
                return ""
        return f"{lost}: {reason}"
    finally:
        mixed.unlink(missing_ok=True)


def _mix(ffmpeg: str, video: Path, source: Path, seconds: float, codec: str, mixed: Path) -> str:
    """Write ``mixed``; return why that failed, or nothing."""
    given = ["-protocol_whitelist", "file,crypto,data"]
    command = [
        *(ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-y"),
        *(*given, "-i", f"file:{video.absolute()}"),
        *(*given, "-t", f"{seconds:.6f}", "-i", f"file:{source.absolute()}"),
        *("-map", "0:v:0", "-map", "1:a?", "-c:v", "copy", "-c:a", codec),
        f"file:{mixed.absolute()}",
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return f"ffmpeg: {said[-1] if said else f'status {done.returncode}'}"
    return ""
