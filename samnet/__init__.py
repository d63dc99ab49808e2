"""SAMNet: a lightweight network that finds the salient object of a photo."""

from samnet.checkpoints.checkpoint import Checkpoint, load, load_checkpoint, save_checkpoint
from samnet.checkpoints.released import load_released
from samnet.networks.config import SAMNetConfig
from samnet.networks.preprocessing import Preprocessing
from samnet.networks.registry import build_model
from samnet.networks.samnet import SAMNet

__all__ = [
    "Checkpoint",
    "Preprocessing",
    "SAMNet",
    "SAMNetConfig",
    "build_model",
    "load",
    "load_checkpoint",
    "load_released",
    "save_checkpoint",
]
