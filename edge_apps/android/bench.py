"""Measures latency on an Android device, with our runner or a user's own program."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_apps.android.device import Device
from edge_apps.android.results import EMULATED
from edge_apps.android.timing import Options, Stay, heat_lines
from edge_apps.android.user_runners import figures, parse_latency


def bench(options: Options, device: Device) -> dict[str, Any]:
    """Time a network on a device, which is then left as it was found.

    Returns:
        The protocol, ``latency_ms`` by name of the figure (None on an emulated device) and the
        battery's temperature in °C before and after (None where the device has none).

    Raises:
        InputError: for wrong input.
        DeviceError: if the device fails; a lost connection is not tried again, since a timing that
            was interrupted says nothing.
    """
    stay = Stay(options, device)
    with stay.measuring() as session:
        if options.runner is None:
            found = figures((np.array(stay.run(session).latencies["noise"]) / 1000).tolist())
        else:
            output = stay.run_given(session, options.runner)
            found = parse_latency(output, options.model, options.warm_up)
    return stay.result({"latency_ms": None if stay.about.emulated else found})


def lines(result: dict[str, Any]) -> list[str]:
    """Write what :func:`bench` found, for people."""
    found = result["latency_ms"]
    if found is None:
        return [f"ran {result['protocol']['repetitions']} times; {EMULATED}"]
    shown = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
    return [f"latency in ms: {shown}", *heat_lines(result)]
