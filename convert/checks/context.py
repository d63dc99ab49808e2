"""What the checks of an artifact have in common: what they are given, and what they give."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from common.errors import CheckFailedError
from common.images.photos import Bytes
from convert.checks.maps import Parity, compare
from convert.contract.forms import CONVERTERS
from convert.contract.source import Source

if TYPE_CHECKING:
    from convert.contract.engine import Content, Format
    from convert.contract.forms import Form
    from edge_apps.backends.float_io import Floats
    from edge_apps.runtime import Backend
    from quantize.quantized_program import QuantizedProgram
    from samnet.data.layouts import DataSet
    from samnet.networks.deployed import DeployedNetwork


class Figures(Protocol):
    """What a check measured."""

    def figures(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        ...


class Check(Protocol):
    """One condition that an artifact has to meet before it gets its name.

    Attributes:
        name: name of the check in messages and manifests.
    """

    name: str

    def run(self, context: Context) -> Figures | None:
        """Measure and judge.

        Returns:
            What was measured; None where the check does not apply or leaves no figures.

        Raises:
            CheckFailedError: if the condition is missed, with what was found and what is allowed.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Trial:
    """Photos with masks that an artifact's accuracy is measured on.

    Args:
        data: the photos.
        origin: the float checkpoint behind a program; None compares with the source itself.
    """

    data: DataSet
    origin: Path | None = None


@dataclasses.dataclass
class Context:
    """An artifact and all that it is checked against.

    Args:
        kind: the format.
        form: the form that was made.
        source: the checkpoint or program behind it.
        content: the interface and the delegation that the engine gave.
        artifact: the file as it was written.
        backend: the same file, opened.
        photos: names and photos (S, S, 3) uint8.
        floats: meaning of bytes for a file of float32; None where it takes them as they are.
        allow_scales: True where scales may differ from the program's.
        require_delegated: share of the multiply-adds, 0 to 1, that must be on the fast path; None
            for any.
        trial: photos with masks; None where accuracy is not asked for.
        found: figures of the checks that were run so far, by name.
    """

    kind: Format
    form: Form
    source: Source
    content: Content
    artifact: Path
    backend: Backend
    photos: Sequence[tuple[str, Bytes]]
    floats: Floats | None = None
    allow_scales: bool = False
    require_delegated: float | None = None
    trial: Trial | None = None
    found: dict[str, Figures] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def file(self) -> bytes:
        """The artifact's content, read back: memory could hold what the file does not."""
        return self.artifact.read_bytes()

    @functools.cached_property
    def parity(self) -> Parity:
        """The artifact's maps compared with those of its source in torch."""
        source = self.source
        name = source.reference_name
        return compare(self.backend.run, source.reference, name, self.photos, source.coding)

    @property
    def program(self) -> QuantizedProgram | None:
        """The quantized program that was converted; None for a float network."""
        return cast("QuantizedProgram", self.source.network) if self.source.is_program else None

    @contextlib.contextmanager
    def located(self) -> Iterator[None]:
        """Add the first module that departs to what is raised inside, where it can be found."""
        try:
            yield
        except CheckFailedError as error:
            raise CheckFailedError(f"{error}{self._mismatch()}") from error

    def _mismatch(self) -> str:
        """Name the first module that departs on the worst photo, as an error's end, or nothing."""
        from convert.checks.first_mismatch import first_mismatch, network_outputs, program_outputs

        photo = dict(self.photos)[self.parity.worst]
        given = self.floats.photo(photo) if self.floats else photo[None]
        reader = CONVERTERS[self.kind.suffix].module("intermediates")
        found = reader.intermediates(self.file, given)
        if found is None:
            return ""
        if self.program is not None:
            expected = program_outputs(self.program, photo)
        else:
            network = cast("DeployedNetwork", self.source.network)
            expected = network_outputs(network, self.source.preprocessing, photo)
        where = first_mismatch(found, expected)
        return f"; first departs at {where}" if where else ""
