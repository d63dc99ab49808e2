"""Writes TFLite metadata, which Android Studio, MediaPipe and the Interpreter's tools read.

A flatbuffer of its own (``metadata_schema.fbs`` 1.2 of tflite-support) stands in a buffer of the
model under the name TFLITE_METADATA; the files that it names are appended to the model as a zip
archive. No package that writes it installs beside the others here.
"""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from convert.tflite.flatbuffer import read_flatbuffer, write_flatbuffer
from edge_apps.maps.coding import Coding

NAME = b"TFLITE_METADATA"
IDENTIFIER = b"M001"
PARSER = "1.5.0"
"""The oldest parser that reads all of this: the first one that knows custom metadata. Older ones
skip those."""

SEGMENTER, SEGMENTER_IDENTIFIER, SEGMENTER_PARSER = "SEGMENTER_METADATA", b"V001", "1.0.0"
"""Of the custom metadata (``image_segmenter_metadata_schema.fbs``) that MediaPipe's ImageSegmenter
takes its last step from."""

LABELS, LICENSE = "labels.txt", "LICENSE.txt"

# Numbers of the schema: members of unions and enumerations.
_IMAGE, _NORMALIZATION, _RGB, _GRAYSCALE = 2, 1, 1, 2
_DESCRIPTIONS, _AXIS_LABELS = 1, 2
_NO_ACTIVATION, _SIGMOID = 0, 1


@dataclasses.dataclass(frozen=True)
class Description:
    """What a model says of itself.

    Args:
        name: of the network.
        text: what it does and where it came from.
        size: S in pixels.
        mean: subtracted from a byte.
        std: divides the difference; a float input takes the result, a byte goes in as it is.
        floats: whether input and output are float32.
        coding: of the map.
    """

    name: str
    text: str
    size: int
    mean: float
    std: float
    floats: bool
    coding: Coding


def with_metadata(content: bytes, description: Description) -> bytes:
    """Add to a model its description and the files that belong to it."""
    from ai_edge_litert import schema_py_generated as schema

    model = read_flatbuffer(content)
    model.description = f"{description.name}: {description.text}".encode()
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(_metadata(description), np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = NAME, len(model.buffers) - 1
    model.metadata = [e for e in model.metadata or [] if e.name != NAME] + [entry]
    made = write_flatbuffer(model)
    return made + _archive({LABELS: "salient\n", LICENSE: _license()}, len(made))


def associated_files(content: bytes) -> dict[str, bytes]:
    """Read the files appended to a model by their names; none where there is no archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile:
        return {}


def _license() -> str:
    return (
        "SPDX-License-Identifier: Apache-2.0\n"
        "The weights may have terms of their own; see the model card of their checkpoint.\n"
    )


def _archive(files: dict[str, str], offset: int) -> bytes:
    """Zip an archive to stand behind so many bytes; the same files give the same bytes."""
    stream = io.BytesIO(bytes(offset))
    stream.seek(offset)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return stream.getvalue()[offset:]


def _metadata(it: Description) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    size = _table(builder, [(0, _uint(it.size)), (1, _uint(it.size))])
    photo = _tensor(
        builder,
        "photo",
        "RGB photo, resized to the input's size"
        + (", normalized as stated" if it.floats else ", bytes as they are"),
        _image(builder, _RGB, size),
        [_normalization(builder, it.mean, it.std)],
        ((0 - it.mean) / it.std, (255 - it.mean) / it.std) if it.floats else (0.0, 255.0),
    )
    labels = _file(builder, LABELS, "what the map's only channel shows", _AXIS_LABELS)
    saliency_map = _tensor(
        builder,
        "map",
        f"saliency map; {it.coding.describe(in_bytes=not it.floats)}",
        _image(builder, _GRAYSCALE, None),
        [],
        it.coding.limits if it.floats else (0.0, 255.0),
        [labels],
    )
    graph = _table(
        builder,
        [
            (0, _reference(builder.CreateString(it.name))),
            (2, _reference(_vector(builder, [photo]))),
            (3, _reference(_vector(builder, [saliency_map]))),
            (9, _reference(_vector(builder, [_custom(builder, SEGMENTER, _segmenter(it.coding))]))),
        ],
    )
    strings = {
        0: it.name,
        1: it.text,
        2: "1",
        4: "SAMNet on the edge",
        5: "Apache-2.0",
        7: PARSER,
    }
    fields = [(slot, _reference(builder.CreateString(text))) for slot, text in strings.items()]
    terms = _file(builder, LICENSE, "terms of use", _DESCRIPTIONS)
    fields.append((3, _reference(_vector(builder, [graph]))))
    fields.append((6, _reference(_vector(builder, [terms]))))
    root = _table(builder, fields)
    builder.Finish(root, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _segmenter(coding: Coding) -> bytes:
    """Name the activation that makes probabilities of what a file gives."""
    import flatbuffers

    builder = flatbuffers.Builder(64)
    version = builder.CreateString(SEGMENTER_PARSER)
    activation = _SIGMOID if coding.kind == "logits" else _NO_ACTIVATION
    root = _table(builder, [(0, _byte(activation)), (1, _reference(version))])
    builder.Finish(root, file_identifier=SEGMENTER_IDENTIFIER)
    return bytes(builder.Output())


Field = Callable[[Any, int], None]
"""Writes a field of a table that was started into a slot."""


def _table(builder: Any, fields: Sequence[tuple[int, Field]]) -> int:
    """Build a table of the fields; what they refer to was built before."""
    builder.StartObject(max(slot for slot, _ in fields) + 1)
    for slot, field in fields:
        field(builder, slot)
    return int(builder.EndObject())


def _reference(offset: int) -> Field:
    return lambda builder, slot: builder.PrependUOffsetTRelativeSlot(slot, offset, 0)


def _uint(value: int) -> Field:
    return lambda builder, slot: builder.PrependUint32Slot(slot, value, 0)


def _byte(value: int) -> Field:
    return lambda builder, slot: builder.PrependInt8Slot(slot, value, 0)


def _union_type(value: int) -> Field:
    return lambda builder, slot: builder.PrependUint8Slot(slot, value, 0)


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _custom(builder: Any, name: str, data: bytes) -> int:
    """Build custom metadata: a flatbuffer in the flatbuffer, aligned as the schema asks for."""
    builder.StartVector(1, len(data), 16)
    for byte in reversed(data):
        builder.PrependByte(byte)
    content = builder.EndVector()
    named = builder.CreateString(name)
    return _table(builder, [(0, _reference(named)), (1, _reference(content))])


def _numbers(builder: Any, values: Sequence[float]) -> int:
    return int(builder.CreateNumpyVector(np.array(values, np.float32)))


def _file(builder: Any, name: str, description: str, kind: int) -> int:
    named, described = builder.CreateString(name), builder.CreateString(description)
    return _table(builder, [(0, _reference(named)), (1, _reference(described)), (2, _byte(kind))])


def _image(builder: Any, color: int, size: int | None) -> int:
    """Build a tensor's content: an image in a color space."""
    fields = [(0, _byte(color))]
    if size is not None:
        fields.append((1, _reference(size)))
    properties = _table(builder, fields)
    return _table(builder, [(0, _union_type(_IMAGE)), (1, _reference(properties))])


def _normalization(builder: Any, mean: float, std: float) -> int:
    means, stds = _numbers(builder, [mean]), _numbers(builder, [std])
    options = _table(builder, [(0, _reference(means)), (1, _reference(stds))])
    return _table(builder, [(0, _union_type(_NORMALIZATION)), (1, _reference(options))])


def _tensor(
    builder: Any,
    name: str,
    description: str,
    content: int,
    units: Sequence[int],
    limits: tuple[float, float],
    files: Sequence[int] = (),
) -> int:
    least, most = _numbers(builder, limits[:1]), _numbers(builder, limits[1:])
    stats = _table(builder, [(0, _reference(most)), (1, _reference(least))])
    fields = [
        (0, _reference(builder.CreateString(name))),
        (1, _reference(builder.CreateString(description))),
        (3, _reference(content)),
        (5, _reference(stats)),
    ]
    if units:
        fields.append((4, _reference(_vector(builder, units))))
    if files:
        fields.append((6, _reference(_vector(builder, files))))
    return _table(builder, fields)
