"""Answers for machines: a line of JSON for each photo or frame, with the boxes of its objects."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from common.errors import InputError
from common.output_paths import check_absent, check_folder
from edge_apps.maps.objects import SalientObject, objects_of

if TYPE_CHECKING:
    from edge_apps.program.pipeline import Result

STANDARD_OUTPUT = "-"


class Answers:
    """Writes lines of JSON, each at once, so that a program may read them as they come.

    Args:
        target: a file, or ``-`` for standard output.
        count: objects that a line holds at most, those of the largest mass.
        overwrite: replace a file that exists.

    Raises:
        InputError: if ``count`` is below 1 or the file cannot be written.
    """

    def __init__(self, target: str, count: int = 1, *, overwrite: bool = False) -> None:
        if count < 1:
            raise InputError(f"--objects is {count}, expected at least 1")
        self.target = target
        self.count = count
        self._overwrite = overwrite
        self._stream: TextIO | None = None
        self._began: float | None = None
        if target != STANDARD_OUTPUT:
            if Path(target).is_dir():
                raise InputError(f"{target}: is a folder; give the name of a file, or -")
            check_folder(Path(target).parent)
            check_absent(Path(target), overwrite=overwrite)
        elif sys.stdout is None:
            raise InputError("standard output is closed; give --json the name of a file")

    def __enter__(self) -> Answers:
        if self.target == STANDARD_OUTPUT:
            self._stream = sys.stdout
            return self
        path = Path(self.target)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = open(path, "w" if self._overwrite else "x", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None and self.target != STANDARD_OUTPUT:
            self._stream.close()

    def tell(self, source: str, result: Result) -> None:
        """Write the line of a result of a source.

        Raises:
            InputError: if it cannot be written, such as to a disk that is full.
        """
        frame = result.frame
        size = frame.photo.shape[:2]
        if frame.file is not None:
            head: dict[str, Any] = {"file": str(frame.file)}
        else:
            self._began = frame.taken if self._began is None else self._began
            seconds = frame.taken - self._began if frame.time is None else frame.time
            head = {"source": source, "frame": frame.name, "time": round(seconds, 4)}
        self.write(answer(head, size, objects_of(result.raw, size), self.count))

    def write(self, line: dict[str, Any]) -> None:
        """Write one line; see :meth:`tell` for errors."""
        assert self._stream is not None
        text = json.dumps(line, ensure_ascii=True)
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            name = "standard output" if self.target == STANDARD_OUTPUT else self.target
            raise InputError(f"{name}: cannot be written ({error.strerror})") from error


def answer(
    head: dict[str, Any], size: tuple[int, ...], objects: list[SalientObject], count: int
) -> dict[str, Any]:
    """Build a line: its source, the photo's width and height, its objects and their number.

    Args:
        head: names the photo or frame.
        size: (height, width) in pixels.
        objects: all that were found, the one of the largest mass first.
        count: that the line holds at most.
    """
    return {
        **head,
        "size": [size[1], size[0]],
        "found": len(objects),
        "objects": [it.to_dict() for it in objects[:count]],
    }
