"""Trains a network: steps, averaging, validation, and state to resume from."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from common.errors import InputError, TrainingDivergedError
from common.result_file import environment
from samnet.checkpoints.backbone import adopt_backbone
from samnet.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from samnet.checkpoints.warm_start import adopt, as_pruned
from samnet.data.split import holdout
from samnet.data.survey import open_data
from samnet.evaluation.metrics import Scores
from samnet.networks.base import SaliencyNetwork
from samnet.networks.lite_trunk import load_imagenet
from samnet.networks.preprocessing import Preprocessing
from samnet.networks.registry import build_network
from samnet.networks.samnet_lite import SAMNetLite
from samnet.training import resume_state, run_log
from samnet.training.augmentation import change_colors, crop, normalize
from samnet.training.distributed import Processes, mean_of_processes
from samnet.training.feature_distillation import Imitation
from samnet.training.fine_tuning import freeze_stages, parameter_groups
from samnet.training.first_nonfinite import ADVICE, check_loss, nonfinite_gradient
from samnet.training.graphed_step import GraphedStep
from samnet.training.network_with_losses import NetworkWithLosses
from samnet.training.options import TrainOptions, config_of
from samnet.training.phase_data import PhaseData, prepare
from samnet.training.recipe import Recipe
from samnet.training.resume_state import load_state, save_state
from samnet.training.run_log import RunLog
from samnet.training.run_settings import check_same, run_settings
from samnet.training.schedule import Schedule, Step
from samnet.training.teachers import describe, open_teacher
from samnet.training.unlabeled import UnlabeledSet, find_unlabeled, numbers
from samnet.training.weight_averaging import moving_average


def hardware(processes: Processes) -> str:
    """Describe what training runs on, for the model card."""
    if processes.device.type == "cuda":
        return f"{processes.count} × {torch.cuda.get_device_name(processes.device)}"
    cpu = environment()["cpu"]
    return f"{processes.count * torch.get_num_threads()} thread(s) of {cpu}"


def _first_weights(options: TrainOptions) -> tuple[SaliencyNetwork, dict[str, Any] | None]:
    """Build the network to train; tell how the checkpoint was trained that it goes on from."""
    config = config_of(options)
    if options.init is None:
        torch.manual_seed(options.seed)
        model = build_network(config)
        if options.backbone is not None:
            adopt_backbone(model, options.backbone)
        elif isinstance(model, SAMNetLite):
            load_imagenet(model.encoder)
        return model, None
    start = load_checkpoint(options.init)
    torch.manual_seed(options.seed)
    model = build_network(as_pruned(config, start.model))
    if options.backbone is not None:
        adopt_backbone(model, options.backbone)
    adopt(model, start.model)
    return model, start.training


class Trainer:
    """A network in training, with all the state that resuming needs."""

    def __init__(self, options: TrainOptions, recipe: Recipe, processes: Processes) -> None:
        if recipe.batch < 2 * processes.count:
            raise InputError(
                f"a batch of {recipe.batch} over {processes.count} process(es) leaves one with a "
                "single photo, and batch normalization needs two; give --batch "
                f"{2 * processes.count} or more"
            )
        self.options, self.recipe, self.processes = options, recipe, processes
        device = processes.device
        data = open_data(options.data)
        self.pairs, self.validation_pairs = holdout(data.pairs, options.held_out)
        self.teacher = (
            open_teacher(options.teacher, options.threads, device) if options.teacher else None
        )
        self.unlabeled = self._unlabeled()
        # Behind the teacher, which thereby changes no first weight.
        self.model, self.before = _first_weights(options)
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.imitation = Imitation(self.model.config.channels[1:]).to(device)
        self.averaged = AveragedModel(
            self.model, multi_avg_fn=moving_average(recipe.average), use_buffers=True
        )
        freeze_stages(self.model, recipe.frozen_stages)
        self.distillation: Imitation | None = None
        others = nn.ModuleList([self.imitation])
        if recipe.features and self.teacher is not None:
            channels = self.model.config.channels[1:]
            self.distillation = Imitation(channels, self.teacher.channels).to(device)
            others.append(self.distillation)
        kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
        self.optimizer = kind(
            parameter_groups(self.model, others, recipe.trunk_rate),
            recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self.network_with_losses: nn.Module = NetworkWithLosses(
            self.model, self.imitation, recipe, self.distillation
        )
        if processes.count > 1:
            self.network_with_losses = DistributedDataParallel(
                self.network_with_losses, find_unused_parameters=True
            )
        self.graphed: GraphedStep | None = None
        imitates = recipe.imitation > 0 or self.distillation is not None
        if device.type == "cuda" and processes.count == 1 and not imitates:
            assert isinstance(self.network_with_losses, NetworkWithLosses)
            self.graphed = GraphedStep(self.network_with_losses, self.optimizer)
        self.log = RunLog(options.output / run_log.NAME)
        self.state_path = options.output / resume_state.NAME
        without = numbers(self.unlabeled, len(self.pairs))
        self.schedule = Schedule(recipe, len(self.pairs), options.seed, without)
        self.done = 0
        self.best = float("-inf")
        self.seconds = 0.0
        files = {"backbone": options.backbone, "init": options.init, "teacher": options.teacher}
        self.settings = run_settings(
            self.pairs, self.validation_pairs, self.model.config, recipe, options.seed, files
        )
        self.settings["unlabeled"] = [one.describe() for one in self.unlabeled]

    def _unlabeled(self) -> list[UnlabeledSet]:
        """Find the photos without masks; the first process looks while the others wait."""
        options, processes = self.options, self.processes
        if not options.unlabeled:
            return []
        if not processes.first:
            torch.distributed.barrier()
        held_out = [pair.photo for pair in self.validation_pairs]
        found = find_unlabeled(options.unlabeled, held_out, options.cache)
        if processes.first and processes.count > 1:
            torch.distributed.barrier()
        return found

    def prepare(self, size: int) -> PhaseData:
        """Prepare what a phase at this size trains on."""
        return prepare(
            self.pairs,
            self.validation_pairs,
            size,
            self.options,
            self.processes,
            imitates=self.recipe.imitation > 0,
            teacher=self.teacher,
            unlabeled=self.unlabeled,
            features=self.distillation is not None,
        )

    def train_step(self, step: Step, phase_data: PhaseData) -> dict[str, float]:
        """Update the weights once; return the learning rate and the losses of all processes.

        Raises:
            TrainingDivergedError: if the loss or a gradient is not finite.
        """
        recipe, device = self.recipe, self.processes.device
        epoch = step.number * self.schedule.labeled_batch // len(self.pairs)
        rate = recipe.learning_rate_at(step.share, epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        # Seeded by the step, so that a resumed run draws what an unbroken one would have, and
        # drawn for the whole batch, so that several processes see what one would.
        seed = (self.options.seed * 1_000_003 + step.number) * 64
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed + self.processes.rank)
        mine = slice(self.processes.rank, None, self.processes.count)
        crops = recipe.augmentation.draw_crops(recipe.batch, generator)[mine].to(device)
        colors = recipe.augmentation.draw_colors(recipe.batch, generator)[mine]
        index = self.schedule.indices(step.number, self.processes.rank, self.processes.count)
        raw, masks = phase_data.photos.batch(index, device)
        size = (step.shown, step.shown)
        both = crop(torch.cat([raw, masks], 1).float() / 255, crops, size)
        x = normalize(change_colors(both[:, :3], colors), Preprocessing())
        x = x.contiguous(memory_format=torch.channels_last)
        truth, features, taught = both[:, 3:], None, None
        if phase_data.teacher_outputs is not None:
            share = torch.where(index < len(self.pairs), recipe.soft, 1.0).to(device)
            maps = phase_data.teacher_outputs.truth(index, crops, step.shown)
            truth = torch.lerp(truth, maps, share[:, None, None, None])
            if self.distillation is not None:
                taught = phase_data.teacher_outputs.features_of(index, crops, step.shown)
        if phase_data.features is not None:
            sides = [-(-step.shown // stride) for stride in (4, 8, 16, 32)]
            features = phase_data.features.batch(index, crops, [(side, side) for side in sides])
        self.model.train()
        if self.graphed is not None:
            losses = self.graphed(x, truth, step.share)
        else:
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                losses = self.network_with_losses(x, truth, features, step.share, taught)
        shared = mean_of_processes({name: value.detach() for name, value in losses.items()})
        check_loss(step.number, shared["loss"], self.model, x)
        if self.graphed is None:
            self.optimizer.zero_grad(set_to_none=True)
            losses["loss"].backward()
        if recipe.clip:
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        else:
            gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
            norm = nn.utils.get_total_norm(gradients)
        if not torch.isfinite(norm):
            fault = nonfinite_gradient(self.model) or "all weights together"
            raise TrainingDivergedError(
                f"step {step.number}: the gradient of {fault} is not finite; {ADVICE}"
            )
        self.optimizer.step()
        if recipe.average:
            self.averaged.update_parameters(self.model)
        return {"lr": rate, **shared}

    @property
    def result(self) -> SaliencyNetwork:
        """The network to keep: averaged where the recipe averages."""
        kept = self.averaged.module if self.recipe.average else self.model
        assert isinstance(kept, SaliencyNetwork)
        return kept

    def save(self, size: int, scores: Scores) -> None:
        """Write the state and, where it is the best so far, the checkpoint."""
        output = self.options.output
        summary = {
            "data": Path(self.options.data).name,
            "held_out": len(self.validation_pairs),
            "seed": self.options.seed,
            "steps": self.done,
            "photos": self.done * self.recipe.batch,
            "hours": round(self.seconds / 3600, 3),
            "hardware": hardware(self.processes),
            "init": self.options.init.name if self.options.init else None,
            "before": self.before,
            "backbone": self.options.backbone.name if self.options.backbone else None,
            "teacher": self.options.teacher.name if self.options.teacher else None,
            "teaching": describe(self.teacher) if self.teacher else None,
            "unlabeled": [one.describe() for one in self.unlabeled],
            "remark": self.options.remark,
            "recipe": dataclasses.asdict(self.recipe),
            "validation": {"size": size, "max_F": scores.max_F, "MAE": scores.MAE},
        }
        kept = Checkpoint(self.result, Preprocessing(size=size), summary)
        save_checkpoint(output / "last.safetensors", kept, overwrite=True)
        if scores.max_F - scores.MAE > self.best:
            self.best = scores.max_F - scores.MAE
            save_checkpoint(output / "best.safetensors", kept, overwrite=True)
        current = {
            "settings": self.settings,
            "done": self.done,
            "best": self.best,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "imitation": self.imitation.state_dict(),
            "distillation": self.distillation.state_dict() if self.distillation else {},
            "optimizer": self.optimizer.state_dict(),
        }
        save_state(self.state_path, current)

    def restore(self) -> None:
        """Take up the state of the run in the output folder.

        Raises:
            InputError: if there is none, or it is of a run with other data, another network,
                recipe or seed, or with other files to start or learn from.
        """
        kept = load_state(self.state_path, self.processes.device)
        check_same(self.state_path, kept.get("settings", {}), self.settings)
        try:
            self.model.load_state_dict(kept["model"])
            self.averaged.load_state_dict(kept["averaged"])
            self.imitation.load_state_dict(kept["imitation"])
            if self.distillation is not None:
                self.distillation.load_state_dict(kept["distillation"])
            self.optimizer.load_state_dict(kept["optimizer"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                f"{self.state_path}: of another network or kind of run; resume with the options "
                "that it was started with"
            ) from error
        self.done, self.best, self.seconds = kept["done"], kept["best"], kept["seconds"]
        if self.processes.first:
            self.log.cut(self.done)
