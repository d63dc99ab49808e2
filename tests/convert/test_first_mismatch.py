"""An artifact that computes something else says where it begins to."""

from __future__ import annotations

import copy
import dataclasses
import warnings

import numpy as np
import pytest
import torch
from one_module import SCENES, SIZE, one_module, one_module_int8
from one_onnx import METADATA

from common.errors import CheckFailedError
from convert.checks import suite
from convert.checks.context import Context
from convert.checks.first_mismatch import first_mismatch
from convert.checks.maps import Limit
from convert.contract.engine import Content, format_of
from convert.contract.forms import CONVERTERS, FORMS
from convert.contract.source import Source
from convert.tflite import litert
from edge_apps.manifest import Quantization
from edge_apps.maps.coding import LOGITS
from quantize.batch_norm_folding import fold_batch_norm
from samnet import Preprocessing
from samnet.networks.deployed import ByteInterface

BROKEN = "sam.branches.1.pointwise"
ATTENTION = "stick_breaking"


def broken_network():
    """The network with one convolution of the opposite sign."""
    network = copy.deepcopy(one_module(ATTENTION))
    with torch.no_grad():
        network.get_submodule(BROKEN).bn.weight.neg_()
        network.get_submodule(BROKEN).bn.bias.neg_()
    return network


def broken_program():
    """The program with one convolution of the opposite sign, all scales as they were."""
    program = copy.deepcopy(one_module_int8.__wrapped__(ATTENTION))
    module = program.exported.module()
    with torch.no_grad():
        for name in ("weight", "bias"):
            module.get_parameter(f"{BROKEN}.conv.{name}").neg_()
    return dataclasses.replace(program, exported=torch.export.export(module, (x(),)))


def x():
    return torch.zeros(1, 3, SIZE, SIZE)


def float_content(suffix, network):
    from convert.executorch.lowering import PhotoToMap, lower
    from convert.onnx.export import export

    if suffix == ".tflite":
        return litert.convert_float(network, Preprocessing())
    folded = fold_batch_norm(network)
    if suffix == ".pte":
        return lower(PhotoToMap(folded, 1 / 64, 2.0, LOGITS, codes=False).eval(), SIZE)[0]
    module = ByteInterface(folded, Preprocessing()).eval()
    return export(module, SIZE, METADATA).SerializeToString()


def int8_content(suffix, program):
    from convert.executorch.lowering import PhotoToMap, fold_weights, lower
    from convert.onnx.export import CodesInAndOut, export

    if suffix == ".tflite":
        return litert.convert_int8(program)
    weights = fold_weights(program.exported)
    if suffix == ".pte":
        return lower(PhotoToMap(weights, 1 / 64, 2.0, LOGITS, codes=True), SIZE)[0]
    return export(CodesInAndOut(weights), SIZE, METADATA).SerializeToString()


def source(precision):
    program = one_module_int8(ATTENTION)
    whole = ByteInterface(one_module(ATTENTION), Preprocessing()).eval()

    def reference(photo):
        with torch.no_grad():
            return whole(torch.from_numpy(photo)[None])[0].numpy()

    quantized = precision == "int8"
    return Source(
        path="x",
        checkpoint_sha256="",
        config={},
        preprocessing=Preprocessing(),
        size=SIZE,
        network=program if quantized else one_module(ATTENTION),
        quantization=Quantization("static_wi8_ai8", "ptq", "minmax", 8, "") if quantized else None,
        reference=program.run if quantized else reference,
        stride=1,
    )


def check(suffix, precision, content, path):
    """Runs the gates of a format on a file; the sum of all operations is not what is tested."""
    kind = dataclasses.replace(format_of(suffix), checks=())
    form = next(f for f in FORMS if (f.suffix, f.precision) == (suffix, precision))
    path.write_bytes(content)
    backend = kind.open(path, 1)
    made = Content(content, None, None, None)
    return suite.run_checks(Context(kind, form, source(precision), made, path, backend, SCENES))


@pytest.mark.parametrize("suffix", CONVERTERS)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_broken_module_is_named(suffix, precision, tmp_path):
    if precision == "fp32":
        content = float_content(suffix, broken_network())
    else:
        content = int8_content(suffix, broken_program())
    with pytest.raises(CheckFailedError, match=rf"; first departs at {BROKEN}") as error:
        check(suffix, precision, content, tmp_path / f"x{suffix}")
    assert "worst" in str(error.value)


@pytest.mark.parametrize("suffix", CONVERTERS)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_no_module_of_a_right_artifact_is_named(suffix, precision, tmp_path, monkeypatch):
    if precision == "fp32":
        content = float_content(suffix, one_module(ATTENTION))
    else:
        content = int8_content(suffix, one_module_int8.__wrapped__(ATTENTION))
    monkeypatch.setattr(suite, "INTEGER_LIMIT", Limit(mean=-1, within_2=1))
    monkeypatch.setattr(suite, "ISLAND_LIMIT", Limit(mean=-1, within_2=1))
    monkeypatch.setitem(format_of(suffix).limits, precision, Limit(mean=-1, within_2=1))
    with pytest.raises(CheckFailedError, match="differs from its origin") as error:
        check(suffix, precision, content, tmp_path / f"x{suffix}")
    assert "departs" not in str(error.value)


MAPS = np.ones((1, 2, 3, 3), np.float32)


@pytest.mark.parametrize("value", [3e38, -1e30, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("here", [True, False])
def test_numbers_that_stand_for_nothing_hide_no_module(value, here):
    odd = np.full_like(MAPS, value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [first_mismatch(given, [("net.conv", MAPS)]) for given in orders(odd, 1.0 + here)]
    expected = "net.conv (nearest tensor 1.00 of its size away)" if here else ""
    assert found == [expected] * 2


def orders(odd, factor):
    """What an artifact gave, with an odd tensor before and behind a good one."""
    good = MAPS * np.float32(factor)
    return [odd, good], [good, odd]


@pytest.mark.parametrize("value", [3e38, np.inf, np.nan])
def test_a_module_whose_own_numbers_are_no_numbers_departs(value):
    odd = np.full_like(MAPS, value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert first_mismatch([MAPS], [("net.conv", odd)]).startswith("net.conv (nearest tensor ")
        assert first_mismatch([], [("net.conv", odd)]) == (
            "net.conv (nearest tensor inf of its size away)"
        )
