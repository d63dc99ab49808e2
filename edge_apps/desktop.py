"""``python -m edge_apps.desktop SOURCE…``: ``samnet run`` on a desktop."""

from edge_apps.program.device_program import COMMAND

if __name__ == "__main__":
    COMMAND.run()
