"""The modules of a network, and the module of each node of its exported graph."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from torch import nn
from torch.fx import Node

from common.errors import InputError
from common.suggestions import suggestion
from samnet.networks.lite_trunk import LiteTrunk
from samnet.networks.samnet import Decoder, Encoder
from samnet.networks.samnet_lite import LiteDecoder

_CONTAINERS = (Encoder, Decoder, LiteTrunk, LiteDecoder, nn.ModuleList, nn.Sequential)


def units(network: nn.Module) -> list[str]:
    """List the torch names of what a network is made of, in its own order.

    These are the SAM modules, the convolutions that begin a stage, the pyramid, the laterals and
    fusions of the decoder and the head: the first modules on the way down that are no mere
    container and have weights.
    """
    return list(_walk(network, ""))


def _walk(module: nn.Module, prefix: str) -> Iterator[str]:
    for name, child in module.named_children():
        # Subclasses of Sequential, such as DSConv, are no containers.
        if type(child) in _CONTAINERS:
            yield from _walk(child, f"{prefix}{name}.")
        elif next(child.parameters(), None) is not None:
            yield prefix + name


def check_modules(names: Sequence[str], network: nn.Module) -> None:
    """Make sure that a network has modules of these names.

    Raises:
        InputError: for one that it lacks; the nearest name is suggested.
    """
    known = [name for name, _ in network.named_modules() if name]
    for name in names:
        if name not in known:
            hint = suggestion(name, known, cutoff=0)
            raise InputError(
                f"the network has no module {name!r}; {hint} "
                "samnet quantize sensitivity lists the main ones"
            )


def module_of(node: Node) -> str:
    """Name the innermost module that a node was traced in; empty for the network."""
    stack = node.meta.get("nn_module_stack") or {"": ("", None)}
    name: str = list(stack.values())[-1][0]
    return name


def inside(name: str, modules: Collection[str]) -> str | None:
    """Find the innermost of ``modules`` that is, or holds, the module ``name``."""
    found = [module for module in modules if f"{name}.".startswith(f"{module}.")]
    return max(found, key=len, default=None)
