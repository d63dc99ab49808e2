"""Reads the operations of a ``.pte`` file, all of which one XNNPACK delegate executes."""

from __future__ import annotations

from convert.executorch.delegate import Delegate, float_of
from convert.graphs.kinds import PTE, changes_no_value, graph_name
from convert.graphs.operation import Operand, Operation, Scheme, scheme, trace

OPERANDS = ("input_id", *(f"input{i}_id" for i in range(1, 6)))

NO_VALUE = 2**32 - 1
"""Stands for an operand that is left out."""


def pte_graph(content: bytes) -> Operand:
    """Trace a program's output, with all operations behind it.

    Bytes become the network's input, and its output bytes, by products and sums with
    constants outside the quantized network; these count as changes of no value.

    Raises:
        InputError: if the program is not a single XNNPACK delegate.
    """
    delegate = Delegate(content)
    graph, values = delegate.graph, delegate.values()
    # The steps of the bytes come from outside as inputs of a single number.
    constant = {
        i
        for i, (plain, _) in values.items()
        if plain["constant_buffer_idx"] or (i in graph["input_ids"] and set(plain["dims"]) == {1})
    }
    made: dict[int, Operation] = {}
    before: dict[int, int] = {}

    def step(tensor: int) -> tuple[Scheme | None, int | None]:
        quantized = values[tensor][1]
        found = None
        if "zero_point" in quantized:
            found = scheme(float_of(quantized["scale"]), quantized["zero_point"])
        return found, before.get(tensor)

    def operand(tensor: int) -> Operand:
        position, schemes = trace(tensor, step)
        return Operand(made[position], schemes)

    made.update({i: Operation("photo", "input") for i in graph["input_ids"] if i not in constant})
    for entry in graph["xnodes"]:
        name, node = entry["xnode_union_type"], entry["xnode_union"]
        inputs = [i for key in OPERANDS if (i := node.get(key, NO_VALUE)) != NO_VALUE]
        taken = [i for i in inputs if i not in constant]
        output, kind = node["output_id"], graph_name(PTE, name)
        if not taken:
            constant.add(output)
            continue
        if changes_no_value(PTE, name) or (kind in ("mul", "add", "sub") and len(taken) == 1):
            before[output] = taken[0]
            continue
        weights = values[node["filter_id"]][1] if kind == "product" else {}
        made[output] = Operation(
            f"{name} {output}",
            kind,
            [operand(i) for i in taken],
            delegate.scales(weights) if "channel_dim" in weights else None,
        )
    return operand(graph["output_ids"][0])
