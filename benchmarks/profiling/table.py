"""Profiles as text: by operation, by kind of operation, by torch module."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.profiling.torch_modules import shorten

if TYPE_CHECKING:
    from benchmarks.profiling.machine_limits import MachineLimits
    from benchmarks.profiling.operation_times import Profile
    from benchmarks.shared.timing import Protocol

REACHED = 0.5
"""Share of the speed at a limit from which on the limit is what bounds a module."""

OUTSIDE = "outside operations"
"""Names the time that no operation accounts for."""


def operations(profile: Profile, top: int) -> str:
    """List the slowest operations, slowest first."""
    timed = sorted(profile.operations, key=lambda it: -it.microseconds)
    lines = [
        f"{profile.file}: {profile.engine} {profile.precision}, "
        f"{profile.microseconds / 1000:.2f} ms in {len(timed)} operations; the slowest {top}:",
        f"{'µs':>7} {'share':>6} {'M madds':>8}  {'shape':<18} {'operation':<40} module",
    ]
    for it in timed[:top]:
        shape = "×".join(map(str, it.work.shape)) if it.work else "?"
        madds = f"{it.work.multiply_adds / 1e6:8.3f}" if it.work else f"{'?':>8}"
        share = it.microseconds / profile.microseconds
        lines.append(
            f"{it.microseconds:7.0f} {share:6.1%} {madds}  {shape:<18} {it.name:<40} "
            f"{shorten(it.module, 99)}"
        )
    placed = sum(it.module is not None for it in timed)
    lines.append(f"{placed} of {len(timed)} operations were traced to a torch module.")
    return "\n".join([*lines, *profile.notes])


def kinds(profile: Profile) -> str:
    """Tabulate time, multiply-adds and speed by kind of operation, slowest first."""
    spent: dict[str, float] = {}
    madds: dict[str, int] = {}
    count: dict[str, int] = {}
    for it in profile.operations:
        spent[it.kind] = spent.get(it.kind, 0.0) + it.microseconds
        madds[it.kind] = madds.get(it.kind, 0) + (it.work.multiply_adds if it.work else 0)
        count[it.kind] = count.get(it.kind, 0) + 1
    lines = [f"{'kind':<18} {'number':>6} {'µs':>8} {'share':>6} {'M madds':>8} {'G madds/s':>9}"]
    for kind in sorted(spent, key=lambda kind: -spent[kind]):
        speed = f"{madds[kind] / spent[kind] / 1e3:9.1f}" if madds[kind] and spent[kind] else ""
        lines.append(
            f"{kind:<18} {count[kind]:>6} {spent[kind]:8.0f} "
            f"{spent[kind] / profile.microseconds:6.1%} {madds[kind] / 1e6:8.2f} {speed:>9}"
        )
    rest = f"{profile.outside:8.0f} {profile.outside / profile.microseconds:6.1%}"
    return "\n".join([*lines, f"{OUTSIDE:<18} {'':>6} {rest}"])


def by_module(profiles: Sequence[Profile], depth: int) -> dict[str, list[float]]:
    """Sum microseconds of each profile by module, in the order in which modules first run."""
    spent: dict[str, list[float]] = {}
    for column, profile in enumerate(profiles):
        for it in profile.operations:
            name = shorten(it.module, depth)
            spent.setdefault(name, [0.0] * len(profiles))[column] += it.microseconds
    spent[OUTSIDE] = [round(profile.outside, 1) for profile in profiles]
    return spent


def modules(profiles: Sequence[Profile], depth: int) -> str:
    """Tabulate time by torch module; with several profiles, how each differs from the first."""
    spent = by_module(profiles, depth)
    width = max(map(len, spent)) + 1
    head = f"{'µs by module':{width}}"
    for number, _ in enumerate(profiles, 1):
        head += f"{f'[{number}]':>9}" + (
            f"{'share':>7}" if number == 1 else f"{'change':>9}{'':>7}"
        )
    lines = [f"[{n}] {it.file} ({it.engine} {it.precision})" for n, it in enumerate(profiles, 1)]
    lines.append(head)
    spent["all"] = [profile.microseconds for profile in profiles]
    for name, times in spent.items():
        line = f"{name:{width}}{times[0]:9.0f}{times[0] / profiles[0].microseconds:7.1%}"
        for now in times[1:]:
            ratio = f"×{now / times[0]:.2f}" if times[0] else "new"
            line += f"{now:9.0f}{now - times[0]:+9.0f}{ratio:>7}"
        lines.append(line)
    return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Bound:
    """How a module's time compares with what the core can do.

    An operation takes at least the time of its multiply-adds at the core's peak and the time of
    its bytes out of the core's cache, whichever is longer.

    Args:
        microseconds: that its operations take.
        least: that they would take at the limits.
        by_bytes: part of ``least`` in which bytes take longer than products.
    """

    microseconds: float
    least: float
    by_bytes: float

    @property
    def attained(self) -> float:
        """Share of the speed that the limits allow."""
        return self.least / self.microseconds if self.microseconds else 0.0

    @property
    def by(self) -> str:
        """What bounds it: products, bytes, or neither if most of its time is spent otherwise."""
        if self.attained < REACHED:
            return "neither"
        return "bytes" if self.by_bytes > self.least / 2 else "products"


def bound_by_module(
    profile: Profile, machine_limits: MachineLimits, depth: int
) -> dict[str, Bound]:
    """Sum the bounds of each module, in the order in which modules first run."""
    peak = machine_limits.products[machine_limits.arithmetic(profile.precision)]
    found: dict[str, Bound] = {}
    for it in profile.operations:
        name = shorten(it.module, depth)
        products = it.work.multiply_adds / peak * 1e6 if it.work else 0.0
        moved = it.work.bytes / machine_limits.cache * 1e6 if it.work else 0.0
        so_far = found.get(name, Bound(0.0, 0.0, 0.0))
        found[name] = Bound(
            so_far.microseconds + it.microseconds,
            so_far.least + max(products, moved),
            so_far.by_bytes + (moved if moved > products else 0.0),
        )
    return found


def bounds(profile: Profile, machine_limits: MachineLimits, depth: int) -> str:
    """Tabulate how long each module would take at the measured limits, and which one it meets."""
    found = bound_by_module(profile, machine_limits, depth)
    width = max(map(len, found)) + 1
    columns = f"{'µs':>8}{'limit, µs':>13}{'attained':>10}{'of it bytes':>13}{'bound by':>11}"
    lines = [f"{profile.file} at this core's limits:", f"{'module':{width}}{columns}"]
    for name, it in found.items():
        attained = f"{it.attained:10.0%}" if it.microseconds else f"{'':>10}"
        share = f"{it.by_bytes / it.least:13.0%}" if it.least else f"{'':>13}"
        by = it.by if it.microseconds else ""
        lines.append(
            f"{name:{width}}{it.microseconds:8.0f}{it.least:13.0f}{attained}{share}{by:>11}"
        )
    lines.append(
        f"Neither: it attains less than {REACHED:.0%} of what products and bytes allow; its time "
        "goes into rounding, short rows, and calling many small operations."
    )
    return "\n".join(lines)


def protocol(used: Protocol) -> str:
    """Describe how the times were taken, in three sentences."""
    where = f"pinned to core {used.cores[0]}" if used.cores else "not pinned"
    return (
        f"Time: batch 1, one thread {where}, {used.warm_up} warm-up runs, then {used.repetitions} "
        "runs of each model in turn. An operation's time is its median; runtimes round it down to "
        f"whole microseconds. The process ran {used.running:.0%} of the time."
    )
