"""The program that desktop and Raspberry Pi share: pipeline, outputs, window and pipe."""
