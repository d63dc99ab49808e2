"""Figures that do not depend on the machine, compared with earlier ones."""
