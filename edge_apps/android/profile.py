"""Measures the time of each operation of a network on an Android device.

Our runners ask LiteRT's profiler, and ExecuTorch's event tracer with XNNPACK's own times behind it.
A user's benchmark_model is asked for its own profile.
"""

from __future__ import annotations

import collections
from typing import Any

import numpy as np

from common.errors import DeviceError
from edge_apps.android.device import Device
from edge_apps.android.results import EMULATED
from edge_apps.android.timing import Options, Stay, heat_lines
from edge_apps.android.user_runners import parse_operations

SHOWN = 15
"""Kinds of operations that people are told of."""


def profile(options: Options, device: Device) -> dict[str, Any]:
    """Time each operation of a network on a device, which is then left as it was found.

    Returns:
        The protocol, ``operations`` in their order as the runtime names them, each with the
        median ``ms`` of a run (of a user's program the average; None on an emulated device), and
        the battery's temperature in °C before and after.

    Raises:
        InputError: for wrong input.
        DeviceError: if the device fails, or the runner keeps no profile.
    """
    stay = Stay(options, device)
    with stay.measuring() as session:
        if options.runner is None:
            output = stay.run(session, profile=True)
            found = [(name, float(np.median(us)) / 1000) for name, us in output.operations]
            if not found:
                raise DeviceError(
                    f"{device.serial}: the runner keeps no profile; build it anew with build.sh"
                )
        else:
            found = parse_operations(stay.run_given(session, options.runner, profile=True))
    emulated = stay.about.emulated
    operations = [{"name": name, "ms": None if emulated else ms} for name, ms in found]
    return stay.result({"operations": operations})


def lines(result: dict[str, Any]) -> list[str]:
    """Write what :func:`profile` found, for people: the kinds of operations that cost most."""
    operations = result["operations"]
    counts = collections.Counter(kind(it["name"]) for it in operations)
    if any(it["ms"] is None for it in operations):
        listed = ", ".join(f"{count} {name}" for name, count in counts.most_common(SHOWN))
        return [f"{len(operations)} operations ({listed}); {EMULATED}"]
    times: dict[str, float] = collections.defaultdict(float)
    for it in operations:
        times[kind(it["name"])] += it["ms"]
    total = sum(times.values())
    told = [f"{'ms':>8} {'share':>6} {'count':>5}  operation"]
    for name in sorted(times, key=lambda name: -times[name])[:SHOWN]:
        share = times[name] / total if total else 0.0
        told.append(f"{times[name]:8.3f} {share:6.1%} {counts[name]:5}  {name}")
    told.append(f"{total:8.3f} {'':6} {len(operations):5}  all operations")
    return [*told, *heat_lines(result)]


def kind(name: str) -> str:
    """Strip an operation's name of the number that XNNPACK may give it: ``Add (ND) #3``."""
    head, mark, number = name.rpartition(" #")
    return head if mark and number.isdecimal() else name
