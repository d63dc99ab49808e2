"""The one exception that stands for wrong input."""


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is a single line that says what was found, what was expected and what to do.
    Commands print it to standard error and end with status 2; anything else that is raised
    is a defect of this project and keeps its traceback.
    """
