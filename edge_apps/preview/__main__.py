"""``python -m edge_apps.preview SOURCE…``: ``samnet run SOURCE… --preview``."""

from edge_apps.program.device_program import PREVIEW

if __name__ == "__main__":
    PREVIEW.run()
