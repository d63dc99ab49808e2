"""Shows results in a window, with Tk."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from common.errors import InputError, MissingPackageError
from common.images.photos import Bytes, fitting, resize_photo
from edge_apps.program.drawing import Show, display
from edge_apps.program.pipeline import Pipeline

RENEW_EVERY = 15
"""Milliseconds between two looks for a new picture."""

SHARE = 0.8
"""Of the screen's sides that a picture may fill."""


class Window:
    """Shows a pipeline's results until it ends, the window is closed, or q or Escape is pressed.

    Args:
        pipeline: not yet started.
        show: what is drawn.

    Raises:
        InputError: if there is no display.
    """

    def __init__(self, pipeline: Pipeline, show: Show) -> None:
        self._tkinter = _tkinter()
        try:
            self._root = self._tkinter.Tk()
        except self._tkinter.TclError as error:
            raise InputError(f"no window can be opened ({error}); use --preview") from error
        self._pipeline = pipeline
        self._show = show
        self._limit = (
            int(SHARE * self._root.winfo_screenheight()),
            int(SHARE * self._root.winfo_screenwidth()),
        )
        self._picture: Bytes | None = None
        self._shown: Any = None
        self._failure: BaseException | None = None
        self._ended = False

    def run(self) -> None:
        """Show results; return once the window is closed.

        Raises:
            InputError: from the source.
        """
        root = self._root
        label = self._tkinter.Label(root, borderwidth=0)
        label.pack()
        for key in ("q", "<Escape>"):
            root.bind(key, lambda _: root.destroy())
        # The toolkit would print an interrupt and go on.
        root.report_callback_exception = self._fail
        thread = threading.Thread(target=self._draw, daemon=True)
        thread.start()
        root.after(0, self._renew, label)
        root.mainloop()
        self._pipeline.stop()
        thread.join()
        if self._failure is not None:
            raise self._failure

    def _draw(self) -> None:
        try:
            with contextlib.closing(self._pipeline.results()) as results:
                for result in results:
                    size = fitting(result.frame.photo.shape[:2], self._limit)
                    photo = resize_photo(result.frame.photo, size)
                    self._picture = display(self._show, photo, result.map_of(photo))
        except BaseException as error:
            self._failure = self._failure or error
        self._ended = True

    def _renew(self, label: Any) -> None:
        ended = self._ended
        source = self._pipeline.source
        self._root.title(f"SAMNet – {source.notice or source.name}")
        picture, self._picture = self._picture, None
        if picture is not None:
            height, width = picture.shape[:2]
            data = b"P6 %d %d 255 " % (width, height) + picture.tobytes()
            # The label alone does not keep the image alive.
            self._shown = self._tkinter.PhotoImage(data=data, format="ppm")
            label.configure(image=self._shown)
        if ended:
            self._root.destroy()
        else:
            self._root.after(RENEW_EVERY, self._renew, label)

    def _fail(self, _: Any, error: BaseException, __: Any) -> None:
        self._failure = error
        self._root.destroy()


def _tkinter() -> Any:
    try:
        import tkinter
    except ImportError as error:
        raise MissingPackageError(
            "this Python has no tkinter; sudo apt install python3-tk, or use --preview"
        ) from error
    return tkinter
