"""Skips work in ExecuTorch's lowering that takes minutes and changes nothing here.

Installed files stay as they are: the functions are replaced while a program is lowered. Every
artifact is loaded, run and compared afterwards, so a shortcut that became wrong cannot pass.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

from convert.upstream import is_checked


@contextlib.contextmanager
def shortcuts() -> Iterator[None]:
    """Make lowering faster inside the block, with the versions of ExecuTorch that were checked.

    * Provenance: each pass copies the history of every node and adds to it, so that time grows
      with the square of the number of passes. Nothing reads it.
    * Decomposition: the graph is traced three times for it, first to make it functional, which
      the second does as well, and last although nothing that can be decomposed is left.
    * XNNPACK's passes: of seventeen, each of which traces the graph again, fourteen look for
      what this network does not contain, such as attention blocks or unfolded normalization.
    """
    if not is_checked("executorch"):
        yield
        return
    from executorch.backends.xnnpack import xnnpack_preprocess
    from torch.export import ExportedProgram
    from torch.fx.traceback import NodeSource

    with (
        mock.patch.object(NodeSource, "__init__", _forget),
        mock.patch.object(
            ExportedProgram, "run_decompositions", _once(ExportedProgram.run_decompositions)
        ),
        mock.patch.object(xnnpack_preprocess, "XNNPACKPassManager", _needed_passes()),
    ):
        yield


def _forget(self: Any, node: object, pass_name: str = "", action: object = None) -> None:
    """Replace the constructor of a node's history."""
    self.pass_name = pass_name
    self.action = []
    self.from_node = []
    self.node_info = None
    self._action_string = None
    self._dict = None


def _once(run_decompositions: Any) -> Any:
    """Skip the run with an empty table, which only functionalizes, and those without effect."""
    done: list[Any] = []

    def run(program: Any, table: Any = None, **options: Any) -> Any:
        if type(table) is dict and not table:
            return program
        decomposed = table is not None and any(program is it for it in done)
        if decomposed and not any(node.target in table for node in program.graph.nodes):
            return program
        done.append(run_decompositions(program, table, **options))
        return done[-1]

    return run


def _needed_passes() -> Any:
    from executorch.backends.xnnpack._passes import XNNPACKPassManager
    from executorch.backends.xnnpack._passes.channels_last_tagged_reshape_pass import (
        ChannelsLastTaggedReshapePass,
    )
    from executorch.backends.xnnpack._passes.fuse_activation_pass import FuseActivationPass
    from executorch.backends.xnnpack._passes.remove_redundant_copy_pass import (
        RemoveRedundantCopyPass,
    )

    needed = [FuseActivationPass, ChannelsLastTaggedReshapePass, RemoveRedundantCopyPass]

    def manager(program: Any, passes: Any = None) -> Any:
        return XNNPACKPassManager(program, passes or needed)

    return manager
