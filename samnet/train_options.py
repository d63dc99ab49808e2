"""The options of a training run, and what they say of network and recipe."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from edge_apps.errors import InputError
from samnet.config import Attention, SAMNetConfig, SpatialMaps
from samnet.models import model_config
from samnet.recipe import RECIPES, Phase, Recipe


@dataclasses.dataclass
class TrainOptions:
    """What a run is made of; every field is an option of ``python -m samnet.train``."""

    data: str
    """Training set, [NAME=]DIR; part of it is held out for validation."""
    output: Path
    """Folder of the run."""
    model: str = "samnet"
    """Network by name: samnet or samnet-edge."""
    attention: Attention | None = None
    """Replaces the network's attention (Table IV)."""
    spatial_maps: SpatialMaps | None = None
    """Replaces the network's form of spatial maps."""
    pyramid_pooling: bool | None = None
    """Replaces whether the network has pyramid pooling (Table IV)."""
    modules: tuple[int, int, int, int, int] | None = None
    """Replaces the SAM modules of each stage (Table V)."""
    width: float | None = None
    """Replaces the multiplier of all channel counts (Table V)."""
    preset: str = "fast"
    """Recipe by name: paper or fast."""
    phases: tuple[str, ...] | None = None
    """Replaces the recipe's phases: SIZE:EPOCHS, one after the other."""
    batch: int | None = None
    """Replaces the recipe's photos a step, over all processes."""
    learning_rate: float | None = None
    """Replaces the recipe's highest learning rate."""
    imitation: float | None = None
    """Replaces the recipe's weight of the feature imitation loss."""
    range: float | None = None
    """Replaces the recipe's weight of the penalty on activations out of range."""
    weight_decay: float | None = None
    """Replaces the recipe's weight decay."""
    init: Path | None = None
    """Checkpoint whose weights to start from; its attention may be another."""
    remark: str = ""
    """What else a model card shall say of the run."""
    resume: bool = False
    """Go on with the run in the output folder."""
    hold_out: int = 500
    """Pairs held out for validation."""
    validate_every: int = 500
    """Steps between two validations; each also saves the state."""
    cache: Path = Path("runs/cache")
    """Folder for photos packed at the sizes of training."""
    seed: int = 0
    """Decides the order of photos, augmentation and initial weights."""
    threads: int | None = None
    """CPU threads of each process."""


def config_of(options: TrainOptions) -> SAMNetConfig:
    """The named network's configuration with what the options replace.

    Raises:
        InputError: for an unknown name or impossible values.
    """
    return dataclasses.replace(
        model_config(options.model),
        **given(options, "attention", "spatial_maps", "pyramid_pooling", "modules", "width"),
    )


def given(options: TrainOptions, *names: str) -> dict[str, Any]:
    """Those of the named options that were given."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def recipe_of(options: TrainOptions) -> Recipe:
    """The preset with what the options replace.

    Raises:
        InputError: for an unknown preset or a malformed phase.
    """
    if options.preset not in RECIPES:
        raise InputError(f"unknown preset {options.preset!r}; use one of {', '.join(RECIPES)}")
    changes = given(options, "batch", "learning_rate", "imitation", "range", "weight_decay")
    if options.phases is not None:
        changes["phases"] = tuple(parse_phase(text) for text in options.phases)
    return dataclasses.replace(RECIPES[options.preset], **changes)


def parse_phase(text: str) -> Phase:
    """Reads ``SIZE:EPOCHS``.

    Raises:
        InputError: if it is anything else.
    """
    size, _, epochs = text.partition(":")
    try:
        return Phase(int(size), float(epochs))
    except ValueError as error:
        raise InputError(f"phase {text!r} is not SIZE:EPOCHS; write it as 192:2.5") from error
