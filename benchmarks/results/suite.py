"""Every result: the command that makes it, what that needs and how long it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from benchmarks.baselines import trained
from benchmarks.peers.table import PEERS
from benchmarks.results.needs import DATA, DAVIS
from benchmarks.results.reader import ROOT, SHIPPED, shipped
from common.errors import InputError
from common.suggestions import suggestion
from edge_apps.shipped import default_model

WORK = "runs/results"
"""Where commands write, and where their inputs are made; relative to the repository."""

WEIGHTS, ARTIFACTS, DEFAULT = "{weights}", "{artifacts}", "{default}"
"""Words of a command that stand for the shipped files: all weights, all artifacts, the artifact
that devices run unless told otherwise."""

BASELINES = "{baselines}"
"""Likewise, for the weights of baselines; there may be none."""

ECSSD = f"ECSSD={DATA}/ECSSD"
DUTS_TE = f"DUTS-TE={DATA}/DUTS-TE-dev"
DUTS_TR = f"DUTS-TR={DATA}/DUTS-TR"
PHOTOS = f"{DATA}/DUTS-TR/DUTS-TR-Image"
HELD_OUT = f"DUTS-TR-held-out={WORK}/held-out.txt"
STICK_BREAKING = f"{WORK}/stick-breaking.safetensors"
SPEED = "runs/latency"
OURS = ("samnet-lite", "samnet-edge", "samnet")
INT8 = f"{WORK}/int8"


@dataclasses.dataclass(frozen=True)
class Step:
    """A file that a measurement needs and a command makes.

    Args:
        makes: the file; made again where a file that the command reads is newer.
        command: words behind ``python -m``.
        folder: whether the command wants the file's folder to itself, and to be new.
    """

    makes: str
    command: str
    folder: bool = False


@dataclasses.dataclass(frozen=True)
class Entry:
    """A result file.

    Args:
        name: of the file, without ``.json``.
        kind: of the result.
        command: words behind ``python -m``; ``--json`` and ``--overwrite`` are added, and
            ``--keep`` to tests, which write what they saw.
        minutes: that it takes on one core, once its steps are made.
        needs: names in :data:`benchmarks.results.needs.NEEDS`.
        steps: what has to be made before, in order.
        of: words for the shipped files that it has to be of, or it is stale.
    """

    name: str
    kind: str
    command: str
    minutes: float
    needs: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    of: str = ""

    @property
    def is_test(self) -> bool:
        """Whether a test makes it."""
        return self.command.startswith("pytest ")

    def words(self, folder: str = "results") -> list[str]:
        """Put the whole command behind ``python -m`` together, its result in a folder."""
        words = expanded(self.command)
        if self.is_test:
            return [*words, "--keep", folder]
        return [*words, "--json", f"{folder}/{self.name}.json", "--overwrite"]


def expanded(command: str) -> list[str]:
    """Split a command, words for shipped files replaced by their paths."""
    return [
        path
        for word in command.split()
        for path in files_of(word) or ([word] if word != BASELINES else [])
    ]


def files_of(word: str) -> list[str]:
    """List the paths, relative to the repository, that a word stands for, if any."""
    weights, models, baselines = SHIPPED
    if word in (WEIGHTS, BASELINES):
        folder = weights if word == WEIGHTS else baselines
        found = sorted(folder.glob("*.safetensors"))
    elif word == ARTIFACTS:
        found = sorted(path for path in models.iterdir() if path.suffix in (".tflite", ".pte"))
    elif word == DEFAULT:
        found = [default_model()]
    else:
        found = []
    return [path.relative_to(ROOT).as_posix() for path in found]


def _weights(network: str) -> str:
    """Name the weights of a network: shipped, or those of a baseline."""
    folder = SHIPPED[0] if network in OURS else trained.FOLDER
    return (folder / f"{network}.safetensors").relative_to(ROOT).as_posix()


def _int8(network: str) -> tuple[Step, ...]:
    """Make both int8 forms of a network in both formats, at the size it was trained at."""
    weights = _weights(network)
    ptq, qat = f"{INT8}/{network}_int8", f"{INT8}/{network}_int8-qat"
    run = f"{INT8}/{network}-qat"
    train = f"--data {DUTS_TR} --output {run} --epochs 2 --photos 640"
    return (
        Step(
            f"{ptq}.pt2",
            f"quantize.ptq --model {weights} --calibration {PHOTOS} --output {ptq}.pt2 --overwrite",
        ),
        Step(f"{run}/best.pt2", f"quantize.qat --model {weights} {train}", folder=True),
        *(
            Step(
                f"{program}{suffix}",
                f"convert.{module} --model {source} --output {program}{suffix} --overwrite",
            )
            for program, source in ((ptq, f"{ptq}.pt2"), (qat, f"{run}/best.pt2"))
            for module, suffix in (("tflite", ".tflite"), ("executorch", ".pte"))
        ),
    )


def _ptq_tflite(networks: Sequence[str]) -> tuple[Step, ...]:
    """Make the ``.tflite`` of networks that were quantized without further training."""
    made = (".pt2", ".tflite")
    return tuple(
        step
        for network in networks
        for step in _int8(network)
        if step.makes in [f"{INT8}/{network}_int8{suffix}" for suffix in made]
    )


def _int8_files(networks: Sequence[str]) -> str:
    """List what those steps make."""
    return " ".join(f"{INT8}/{network}_int8.tflite" for network in networks)


def _converted(*networks: str) -> Step:
    """Convert networks as the timing beside others does, all of them up to the last."""
    return Step(
        f"{SPEED}/{networks[-1]}_256_int8.tflite",
        f"benchmarks.latency {' '.join(networks)} --engine litert --size 256 --repetitions 1",
    )


COMPARED = tuple(dict.fromkeys(("mobilenetv2", "shufflenetv2", *trained.trained_baselines())))
"""Baselines beside ours: fast ones for their times, and all that were trained."""

TFLITE_PEERS = [name for name, peer in PEERS.items() if ".tflite" in peer.suffixes]
QUICK_PEERS = [name for name in PEERS if name != "isnet"]
"""All but the one that takes seconds a photo."""

NETWORKS = ("samnet-lite",)
"""Those that QAT is measured of: what ships in int8."""
LISTED = Step(
    f"{WORK}/held-out.txt",
    f"benchmarks.results.inputs held-out --data {DUTS_TR} --output {WORK}/held-out.txt",
)
SAMPLE = Step(
    f"{WORK}/DUTS-TE-sample.txt",
    f"benchmarks.results.inputs sample --data {DUTS_TE} --output {WORK}/DUTS-TE-sample.txt",
)
STUCK = Step(STICK_BREAKING, f"benchmarks.results.inputs stick-breaking --output {STICK_BREAKING}")
SEEN = Step(
    f"{WORK}/embedded/coffee.png", f"benchmarks.results.inputs embedded --output {WORK}/embedded"
)
SPED = Step(
    f"{SPEED}/samnet-edge_336_int8.tflite",
    f"benchmarks.latency samnet samnet-edge {STICK_BREAKING} --engine litert --repetitions 1",
)
LITE_FLOAT = f"{SPEED}/samnet-lite_256_fp32.tflite"
CONVERTED = Step(
    LITE_FLOAT,
    f"convert.tflite samnet-lite --precision fp32 --size 256 --overwrite --output {LITE_FLOAT}",
)
INT8_FILES = " ".join(
    f"samnet/weights/{network}.safetensors "
    + " ".join(
        f"{INT8}/{network}_{form}"
        for form in ("int8.tflite", "int8.pte", "int8-qat.tflite", "int8-qat.pte")
    )
    for network in NETWORKS
)
CHOSEN_ON = (
    "blackswan breakdance car-roundabout cows dog drift-straight "
    "horsejump-high libby paragliding-launch scooter-black"
)
"""Sequences of DAVIS 2017 that the filter's settings were chosen on."""

RIVALS = " ".join(
    [
        "samnet-lite@litert,executorch samnet-edge@litert samnet@litert",
        *(f"{name}@litert" for name in COMPARED),
        *PEERS,
    ]
)
"""Ours, the paper's lightweight systems and all networks of others, in one run."""


def _timed(name: str) -> str:
    """Name a file that is shipped, or that the timing of rivals made."""
    path = shipped(name)
    return path.relative_to(ROOT).as_posix() if path else f"{SPEED}/{name}"


def _counted(networks: Sequence[str]) -> str:
    """List both precisions of networks, as files."""
    return " ".join(
        _timed(f"{network}_256_{precision}.tflite")
        for network in networks
        for precision in ("fp32", "int8")
    )


LIGHTWEIGHT = (
    "samnet samnet-edge mobilenet mobilenetv2 shufflenet shufflenetv2 icnet bisenet_r18 "
    "bisenet_x39 dfanet selfie"
)

SUITE = (
    Entry("counts", "counts", "benchmarks.regression.counts", 1, of=f"{WEIGHTS} {ARTIFACTS}"),
    Entry("cost", "cost", "benchmarks.regression.cost", 0.3, ("pytorchcv",)),
    Entry(
        "accuracy",
        "accuracy",
        f"benchmarks.accuracy {WEIGHTS} {ARTIFACTS} --data {ECSSD} --data {DUTS_TE}",
        45,
        ("ECSSD", "DUTS-TE"),
        of=f"{WEIGHTS} {ARTIFACTS}",
    ),
    Entry(
        "accuracy_held_out",
        "accuracy",
        f"benchmarks.accuracy {WEIGHTS} {ARTIFACTS} --data {HELD_OUT}",
        20,
        ("DUTS-TR",),
        (LISTED,),
        of=f"{WEIGHTS} {ARTIFACTS}",
    ),
    Entry(
        "accuracy_peers",
        "accuracy",
        f"benchmarks.accuracy {' '.join(QUICK_PEERS)} --data {ECSSD} --threads 1",
        8,
        ("ECSSD", "peers"),
    ),
    Entry(
        "accuracy_peers_duts",
        "accuracy",
        f"benchmarks.accuracy {' '.join(QUICK_PEERS)} --data {DUTS_TE} --threads 1",
        30,
        ("DUTS-TE", "peers"),
    ),
    Entry(
        "accuracy_isnet",
        "accuracy",
        f"benchmarks.accuracy isnet --data {ECSSD} --data DUTS-TE={SAMPLE.makes} --threads 1",
        40,
        ("ECSSD", "DUTS-TE", "peers"),
        (SAMPLE,),
    ),
    Entry(
        "accuracy_baselines",
        "accuracy",
        f"benchmarks.accuracy {BASELINES} {_int8_files(trained.trained_baselines())} "
        f"--data {ECSSD} --data {DUTS_TE} --no-refine",
        20,
        ("ECSSD", "DUTS-TE", "DUTS-TR", "trained baselines"),
        _ptq_tflite(trained.trained_baselines()),
        of=BASELINES if trained.trained_baselines() else "",
    ),
    Entry(
        "accuracy_forms",
        "accuracy",
        f"benchmarks.accuracy {_int8_files(OURS[1:])} --data {ECSSD} --data {DUTS_TE} --no-refine",
        15,
        ("ECSSD", "DUTS-TE", "DUTS-TR"),
        _ptq_tflite(OURS[1:]),
    ),
    Entry(
        "accuracy_int8",
        "accuracy",
        f"benchmarks.accuracy {INT8_FILES} --data {ECSSD} --no-refine",
        20,
        ("ECSSD", "DUTS-TR"),
        tuple(step for network in NETWORKS for step in _int8(network)),
    ),
    Entry(
        "latency_shipped",
        "latency",
        "benchmarks.latency samnet-lite samnet-edge samnet --engine litert executorch --size 256 "
        "--repetitions 40",
        8,
        ("quiet machine",),
    ),
    Entry(
        "latency_avx2",
        "latency",
        "benchmarks.latency samnet-lite samnet-edge samnet --engine litert --size 256 "
        "--repetitions 25",
        5,
        ("quiet machine", "processor without VNNI"),
    ),
    Entry(
        "latency_int8",
        "latency",
        f"benchmarks.latency samnet {STICK_BREAKING} samnet-edge --engine litert executorch "
        "--repetitions 60",
        5,
        ("quiet machine",),
        (STUCK,),
    ),
    Entry(
        "latency_engines",
        "latency",
        "benchmarks.latency samnet-lite samnet-edge samnet u2netp selfie --engine litert "
        "executorch onnxruntime openvino --repetitions 25",
        20,
        ("quiet machine", "peers", "OpenVINO"),
    ),
    Entry(
        "rivals",
        "latency",
        f"benchmarks.latency {RIVALS} --engine litert executorch onnxruntime --size 256 "
        "--repetitions 15",
        25,
        ("quiet machine", "peers", "pytorchcv"),
    ),
    Entry(
        "latency_lightweight",
        "latency",
        f"benchmarks.latency {LIGHTWEIGHT} --engine litert --repetitions 40",
        15,
        ("quiet machine", "peers", "pytorchcv"),
    ),
    Entry(
        "profile",
        "profile",
        f"benchmarks.profiling {SPEED}/stick-breaking_336_int8.tflite "
        f"{SPEED}/samnet-edge_336_int8.tflite --limits --repetitions 50",
        2,
        ("quiet machine",),
        (STUCK, SPED),
    ),
    Entry(
        "instructions",
        "instructions",
        f"benchmarks.arm64 {SPEED}/samnet_336_fp32.tflite {SPEED}/stick-breaking_336_int8.tflite "
        f"{SPEED}/samnet-edge_336_int8.tflite",
        6,
        ("counting qemu",),
        (STUCK, SPED),
    ),
    Entry(
        "instructions_shipped",
        "instructions",
        f"benchmarks.arm64 {DEFAULT}",
        2,
        ("counting qemu",),
        of=DEFAULT,
    ),
    Entry(
        "instructions_precisions",
        "instructions",
        f"benchmarks.arm64 {LITE_FLOAT} {DEFAULT}",
        4,
        ("counting qemu",),
        (CONVERTED,),
        of=DEFAULT,
    ),
    Entry(
        "instructions_forms",
        "instructions",
        f"benchmarks.arm64 {_counted(OURS)} --processor cortex-a76",
        8,
        ("counting qemu",),
        (_converted(*OURS),),
    ),
    Entry(
        "instructions_rivals",
        "instructions",
        f"benchmarks.arm64 {_counted(COMPARED)} {' '.join(TFLITE_PEERS)} --processor cortex-a76",
        12,
        ("counting qemu", "peers", "pytorchcv"),
        (_converted(*COMPARED),),
    ),
    Entry(
        "tflite_engines",
        "tflite_engines",
        "benchmarks.latency.tflite_engines samnet/weights/samnet-edge.safetensors "
        f"samnet/weights/samnet.safetensors --size 192 --data {ECSSD} --repetitions 40 "
        f"--cache {WORK}/tflite_engines",
        25,
        ("quiet machine", "ECSSD", "onnx2tf"),
    ),
    Entry(
        "sensitivity",
        "sensitivity",
        f"quantize.sensitivity --model samnet/weights/samnet-edge.safetensors --data {HELD_OUT} "
        f"--calibration {PHOTOS} --limit 60",
        15,
        ("DUTS-TR",),
        (LISTED,),
    ),
    Entry(
        "ptq_options",
        "ptq_options",
        "quantize.compare_options --model samnet/weights/samnet.safetensors "
        f"samnet/weights/samnet-edge.safetensors --data {HELD_OUT} --calibration {PHOTOS}",
        30,
        ("DUTS-TR",),
        (LISTED,),
    ),
    Entry(
        "agreement",
        "agreement",
        f"edge_apps.compare {WORK}/embedded",
        6,
        ("arm64 userland",),
        (SEEN,),
        of=ARTIFACTS,
    ),
    Entry("start", "start", "benchmarks.latency.start", 0.3, ("quiet machine",), of=DEFAULT),
    Entry(
        "long_run",
        "long_run",
        "benchmarks.latency.long_run --plot docs/memory.png",
        37,
        ("OpenCV",),
        of=DEFAULT,
    ),
    Entry("stages", "stages", "benchmarks.latency.stages", 2, ("OpenCV",), of=DEFAULT),
    Entry(
        "steadiness",
        "steadiness",
        f"benchmarks.steadiness {DAVIS}/JPEGImages/480p:{DAVIS}/Annotations/480p --chosen-on "
        f"{CHOSEN_ON}",
        12,
        ("DAVIS",),
        of=DEFAULT,
    ),
    Entry(
        "board",
        "board",
        "pytest tests/edge_apps/test_board.py -q",
        3,
        ("board emulator",),
        of=DEFAULT,
    ),
    Entry(
        "android",
        "android",
        "pytest tests/edge_apps/test_android_device.py -q -k what_a_user_sees",
        6,
        ("device emulator",),
        of=DEFAULT,
    ),
    Entry(
        "throughput",
        "throughput",
        f"benchmarks.training --data {DUTS_TR}",
        10,
        ("quiet machine", "DUTS-TR"),
    ),
    *(
        Entry(
            f"ablation_{table.lower()}",
            "ablation",
            f"samnet.ablate --table {table} --data {DUTS_TR} --phases {phase} "
            f"--output {WORK}/ablation",
            minutes,
            ("DUTS-TR",),
        )
        for table, phase, minutes in (
            ("IV", "96:0.6", 30),
            ("recipe", "96:0.6", 70),
            ("lite", "128:0.6", 20),
        )
    ),
)
"""Every result of this project, quick ones and those that others are judged by first."""


def chosen(only: Sequence[str]) -> list[Entry]:
    """Choose the entries of names or kinds; all where none is given.

    Raises:
        InputError: for a name that is neither; the nearest one is suggested.
    """
    known = dict.fromkeys(name for entry in SUITE for name in (entry.name, entry.kind))
    for name in only:
        if name not in known:
            raise InputError(f"no result is called {name!r}; {suggestion(name, known)}")
    return [entry for entry in SUITE if not only or {entry.name, entry.kind} & set(only)]


def path_of(entry: Entry) -> Path:
    """Return the file of a result in the repository."""
    return ROOT / "results" / f"{entry.name}.json"
