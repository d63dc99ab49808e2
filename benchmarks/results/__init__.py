"""Result files: their kinds, how each is measured anew, and figures that others published."""
