"""Sources of frames: photos, videos, animated pictures and cameras."""
