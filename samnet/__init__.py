"""SAMNet: a lightweight network that finds the salient object of a photo."""

from samnet.checkpoint import Checkpoint, load, load_checkpoint, save_checkpoint
from samnet.config import SAMNetConfig
from samnet.models import build_model
from samnet.network import SAMNet
from samnet.preprocessing import Preprocessing
from samnet.released import load_released

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
