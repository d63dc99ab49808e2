"""``python -m edge_apps.raspberry_pi SOURCE…``: ``samnet run`` on a Raspberry Pi."""

from edge_apps.program.device_program import COMMAND

if __name__ == "__main__":
    COMMAND.run()
