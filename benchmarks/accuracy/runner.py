"""Measures every model on every data set, with the photos divided among processes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.accuracy.models import AccuracyModel
from benchmarks.accuracy.paired import compare, partners
from benchmarks.accuracy.photo_records import (
    Record,
    RecordCache,
    metrics_of,
    pair_hashes,
    record_of,
)
from benchmarks.results.accuracy_kinds import PairedScores
from common.errors import InputError
from common.files import sha256
from common.progress import progress
from common.suggestions import suggestion
from samnet.data.layouts import DataSet, Pair
from samnet.evaluate import MapSource
from samnet.evaluation.map_folder import MapFolder
from samnet.evaluation.metrics import Choice, SaliencyMetrics, Scores
from samnet.evaluation.multi_process import gather_metrics, share
from samnet.training.distributed import Processes


@dataclasses.dataclass(frozen=True)
class Entry:
    """One model on one data set.

    Args:
        model: who.
        data: on what.
        maps: its ready maps; None if it makes them.
    """

    accuracy_model: AccuracyModel
    data: DataSet
    maps: MapFolder | None

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that it has or makes maps of."""
        if self.maps is None:
            return self.data.pairs
        return tuple(pair for pair in self.data.pairs if pair.stem in self.maps.files)

    @property
    def missing(self) -> tuple[str, ...]:
        """Stems of the photos that it has no map of."""
        return self.maps.missing if self.maps else ()


@dataclasses.dataclass(frozen=True)
class Result:
    """What was measured of an entry: metrics of its pairs, in their order."""

    entry: Entry
    metrics: SaliencyMetrics
    scores: Scores


@dataclasses.dataclass(frozen=True)
class Settings:
    """How accuracy is measured.

    Args:
        metrics: ``fast`` leaves out weighted F, S and E.
        size: pixels at which checkpoints run; None for their own.
        threads: that a network may use.
        cache: of records.
    """

    metrics: Choice
    size: int | None
    threads: int | None
    cache: RecordCache


def enter(accuracy_models: Sequence[AccuracyModel], sets: Sequence[DataSet]) -> list[Entry]:
    """Enter all models, their ready maps found and looked at.

    Raises:
        InputError: as :func:`samnet.evaluation.map_folder.find_maps`.
    """
    return [Entry(c, data, c.maps(data)) for data in sets for c in accuracy_models]


def run(entries: Sequence[Entry], settings: Settings, processes: Processes) -> list[Result]:
    """Measure this process's share of every entry, and bring the shares together.

    Raises:
        InputError: if a file cannot be used.
    """

    @functools.cache
    def opened(accuracy_model: AccuracyModel) -> MapSource:
        return accuracy_model.load(settings.threads, settings.size)

    hashes = functools.cache(pair_hashes)
    results = []
    for entry in entries:
        pairs = share(entry.pairs, processes)
        label = f"{entry.accuracy_model.name} on {entry.data.name}"
        shown = progress(pairs, len(pairs), label) if processes.first else pairs
        make = functools.partial(opened, entry.accuracy_model)
        records = [_record(entry, pair, hashes(pair), make, settings) for pair in shown]
        metrics = metrics_of(records, settings.metrics)
        gather_metrics(metrics, processes)
        results.append(Result(entry, metrics, metrics.scores()))
    return results


def map_source(entry: Entry, settings: Settings) -> MapSource:
    """Return the maps of an entry, ready or made anew."""
    if entry.maps is not None:
        return entry.maps.read
    return entry.accuracy_model.load(settings.threads, settings.size)


def chosen_partners(
    accuracy_models: Sequence[AccuracyModel], against: str | None
) -> list[tuple[AccuracyModel, AccuracyModel]]:
    """Choose who is compared with whom: all with the named one, else int8 with its float network.

    Raises:
        InputError: if no model has that name; the nearest one is suggested.
    """
    if against is None:
        return partners(accuracy_models)
    names = {accuracy_model.name: accuracy_model for accuracy_model in accuracy_models}
    if against not in names:
        hint = suggestion(against, names)
        raise InputError(f"--against {against!r} is none of the models; {hint}")
    return [(names[against], other) for other in accuracy_models if other.name != against]


def compare_partners(
    pairs: Sequence[tuple[AccuracyModel, AccuracyModel]], results: Sequence[Result], choice: Choice
) -> list[PairedScores]:
    """Compare all pairs on all data sets, on the photos that both have maps of.

    Raises:
        InputError: if two share no photo.
    """
    found = []
    for high, low in pairs:
        for before in (r for r in results if r.entry.accuracy_model is high):
            data = before.entry.data
            (after,) = (
                r for r in results if r.entry.accuracy_model is low and r.entry.data is data
            )
            missing = {*before.entry.missing, *after.entry.missing}
            stems = [pair.stem for pair in data.pairs if pair.stem not in missing]
            both = [_restricted(result, set(stems), choice) for result in (before, after)]
            found.append(compare((high.name, low.name), data.name, stems, both))
    return found


def _restricted(result: Result, stems: set[str], choice: Choice) -> SaliencyMetrics:
    """Restrict an entry's metrics to some of its photos."""
    if len(stems) == result.scores.count:
        return result.metrics
    metrics = SaliencyMetrics(choice)
    kept = [index for index, pair in enumerate(result.entry.pairs) if pair.stem in stems]
    for name, target in metrics.records.items():
        target[:] = [result.metrics.records[name][index] for index in kept]
    return metrics


def _record(
    entry: Entry,
    pair: Pair,
    hashes: tuple[str, str],
    make: Callable[[], MapSource],
    settings: Settings,
) -> Record:
    """Measure one photo, or take it from the cache."""
    accuracy_model, choice = entry.accuracy_model, settings.metrics
    if entry.maps is not None:
        origin, setup = sha256(entry.maps.files[pair.stem]), list[Any]()
    else:
        file = accuracy_model.file
        assert file.sha256 is not None
        size = settings.size if file.origin == "checkpoint" else None
        setup = [file.origin, size, settings.threads, accuracy_model.refined]
        setup += [accuracy_model.interface] if accuracy_model.peer else []
        origin = file.sha256
    key = settings.cache.key(origin, hashes, [choice, *setup])
    record = settings.cache.get(key, choice)
    if record is None:
        source = entry.maps.read if entry.maps is not None else make()
        record = record_of(pair, source, choice)
        settings.cache.put(key, record)
    return record
