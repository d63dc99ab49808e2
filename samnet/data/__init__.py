"""Photos with masks: published data sets, embedded photos and synthetic scenes."""
