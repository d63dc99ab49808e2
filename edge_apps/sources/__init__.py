"""Where frames come from: photos, videos, animated pictures and cameras."""
