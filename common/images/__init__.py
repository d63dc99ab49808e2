"""Photos and maps as arrays: read, checked, converted to sRGB, resized and written."""
