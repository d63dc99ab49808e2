"""Options of a training run, and the configuration and recipe that they stand for."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

from common.arguments import HELD_OUT, MODEL, REPEATED
from common.errors import InputError
from common.suggestions import suggestion
from samnet.networks.config import Attention, SAMNetConfig, SpatialMaps
from samnet.networks.registry import AnyConfig, model_config
from samnet.networks.samnet_lite import LiteConfig
from samnet.training.recipe import RECIPES, Phase, Recipe

OF_SAMNET = ("attention_from", "spatial_maps", "pyramid_pooling", "modules", "width")
"""Options that replace fields of the same name in :class:`samnet.networks.config.SAMNetConfig`
alone."""

OF_LITE = {"trunk": "trunk", "widths": "decoder_widths", "modules": "module_strides"}
"""Fields of :class:`samnet.networks.samnet_lite.LiteConfig` and the options that replace them."""


@dataclasses.dataclass
class TrainOptions:
    """What a run is made of; every field is an option of ``samnet train``."""

    data: str
    """Training set, [NAME=]DIR; part of it is held out for validation."""
    output: Path
    """Folder of the run."""
    model: Annotated[str, MODEL] = "samnet"
    """Network by name: samnet, samnet-edge, samnet-lite, or a baseline as mobilenetv2."""
    attention: Attention | None = None
    """Replaces the network's attention (Table IV)."""
    attention_from: int | None = None
    """Replaces the first stage, 1 to 5, with attention; earlier ones sum their branches."""
    spatial_maps: SpatialMaps | None = None
    """Replaces the network's form of spatial maps."""
    pyramid_pooling: bool | None = None
    """Replaces whether the network has pyramid pooling (Table IV)."""
    dilation_rates: tuple[str, str, str, str, str] | None = None
    """Replaces the dilation rates of each stage's branches, as 1,2,3 1,2,3 1,2,3 1,2,3 1,2
    (Table V); - leaves a stage its first convolution alone."""
    modules: tuple[int, int, int, int, int] | None = None
    """Replaces the SAM modules of each stage (Table V)."""
    width: float | None = None
    """Replaces the multiplier of all channel counts (Table V)."""
    trunk: str | None = None
    """Replaces samnet-lite's encoder: efficientnet-lite1 or -lite2 make a slower, better network,
    as a teacher for others."""
    decoder_widths: tuple[int, int, int, int] | None = None
    """Replaces the channels of samnet-lite's decoder at strides 4, 8, 16 and 32."""
    module_strides: tuple[int, ...] | None = None
    """Replaces the strides, of 16 and 32, at which samnet-lite has a SAM module."""
    preset: str = "modern"
    """Recipe by name: paper, released (what the authors' code does besides), modern, or finetune
    for an encoder that was pretrained, as samnet-lite's is."""
    replace: tuple[str, ...] = ()
    """Replaces other fields of the recipe: NAME=VALUE, as loss=bce or augmentation.flip=0."""
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
    teacher: Path | None = None
    """Network whose maps are mixed into the truth: a checkpoint of ours, or an ONNX file."""
    unlabeled: Annotated[tuple[Path, ...], REPEATED] = ()
    """Folder of photos without masks, of which the teacher's map is the truth; may be repeated."""
    backbone: Path | None = None
    """Encoder to start from, as samnet pretrain writes it."""
    init: Path | None = None
    """Checkpoint whose weights to start from; its attention and decoder may be others."""
    remark: str = ""
    """What else a model card shall say of the run."""
    resume: bool = False
    """Go on with the run in the output folder."""
    held_out: Annotated[int, HELD_OUT] = 500
    """Pairs held out for validation."""
    validate_every: int = 500
    """Steps between two validations; each also saves the state."""
    cache: Path = Path("runs/cache")
    """Folder for photos packed at the sizes of training."""
    seed: int = 0
    """Seed of the order of photos, augmentation and initial weights."""
    threads: int | None = None
    """CPU threads of each process."""


def config_of(options: TrainOptions) -> AnyConfig:
    """Return the named network's configuration with what the options replace.

    Raises:
        InputError: for an unknown name, impossible values, or options of SAMNet for a baseline.
    """
    config = model_config(options.model)
    lite = {
        name: value
        for name, option in OF_LITE.items()
        if (value := getattr(options, option)) is not None
    }
    if isinstance(config, LiteConfig):
        changes = lite | given(options, "attention")
        if "trunk" in changes:
            changes["inner"] = ()
        refused = given(options, *OF_SAMNET, "dilation_rates")
    else:
        changes = given(options, "attention", *OF_SAMNET)
        if options.dilation_rates is not None:
            changes["dilation_rates"] = tuple(parse_rates(text) for text in options.dilation_rates)
        refused = given(options, *OF_LITE.values())
        if not isinstance(config, SAMNetConfig):
            refused |= changes
    if refused:
        owner = "samnet-lite" if refused.keys() <= set(OF_LITE.values()) else "SAMNet"
        raise InputError(
            f"{', '.join(refused)} is an option of {owner}, and {options.model} has no such thing; "
            "leave it away"
        )
    return dataclasses.replace(config, **changes)


def given(options: TrainOptions, *names: str) -> dict[str, Any]:
    """Return those of the named options that were given."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def recipe_of(options: TrainOptions) -> Recipe:
    """Return the preset with what the options replace.

    Raises:
        InputError: for an unknown preset, a malformed phase or an impossible replacement.
    """
    if options.held_out < 1:
        raise InputError(
            f"--held-out {options.held_out} leaves nothing to choose the best weights by; hold out "
            "at least 1 pair"
        )
    if options.unlabeled and options.teacher is None:
        raise InputError(
            "--unlabeled without --teacher: photos without masks have no truth but a teacher's "
            "maps; give one"
        )
    if options.preset not in RECIPES:
        raise InputError(f"unknown preset {options.preset!r}; use one of {', '.join(RECIPES)}")
    recipe = RECIPES[options.preset]
    for text in options.replace:
        recipe = replaced(recipe, text)
    changes = given(options, "batch", "learning_rate", "imitation", "range", "weight_decay")
    if options.phases is not None:
        changes["phases"] = tuple(parse_phase(text) for text in options.phases)
    recipe = dataclasses.replace(recipe, **changes)
    if recipe.features and options.teacher is None:
        raise InputError(
            f"the recipe's features {recipe.features:g} without --teacher; give a checkpoint of "
            "this project, or set them to 0"
        )
    if options.unlabeled and not recipe.unlabeled:
        raise InputError(
            "--unlabeled with a share of 0 in a batch; pass --replace unlabeled=0.5 or leave the "
            "folders away"
        )
    return recipe


def replaced(recipe: Recipe, text: str) -> Recipe:
    """Replace one field of the recipe, ``NAME=VALUE``; lists are written as in JSON.

    Raises:
        InputError: for an unknown name, or a value of another kind than the one it replaces.
    """
    path, found, written = text.partition("=")
    name, _, inner = path.partition(".")
    record: Any = getattr(recipe, name, None) if inner else recipe
    fields = (
        {f.name for f in dataclasses.fields(record)} if dataclasses.is_dataclass(record) else set()
    )
    if not found or (inner or name) not in fields - {"phases"}:
        hint = suggestion(
            inner or name, sorted(fields), otherwise="phases have an option of their own"
        )
        raise InputError(f"{text!r} replaces no field of the recipe as NAME=VALUE; {hint}")
    before = getattr(record, inner or name)
    try:
        value = json.loads(written)
    except ValueError:
        value = written
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(value, dict) and dataclasses.is_dataclass(before):
        for part, setting in value.items():
            recipe = replaced(recipe, f"{name}.{part}={json.dumps(setting)}")
        return recipe
    if isinstance(before, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(before):
        raise InputError(
            f"{text!r}: {written!r} is no {type(before).__name__}; the recipe has {before!r} there"
        )
    changed = dataclasses.replace(record, **{inner or name: value})
    return dataclasses.replace(recipe, **{name: changed}) if inner else changed


def parse_rates(text: str) -> tuple[int, ...]:
    """Read the dilation rates of a stage's branches, ``1,2,3``; ``-`` for no further branch.

    Raises:
        InputError: if it is anything else.
    """
    try:
        return () if text == "-" else tuple(int(rate) for rate in text.split(","))
    except ValueError as error:
        raise InputError(f"dilation rates {text!r}: write them as 1,2,3, or - for none") from error


def parse_phase(text: str) -> Phase:
    """Read ``SIZE:EPOCHS``.

    Raises:
        InputError: if it is anything else.
    """
    size, _, epochs = text.partition(":")
    try:
        return Phase(int(size), float(epochs))
    except ValueError as error:
        raise InputError(f"phase {text!r} is not SIZE:EPOCHS; write it as 192:2.5") from error
