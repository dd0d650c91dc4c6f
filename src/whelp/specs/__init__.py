"""What parameter files and targets tables may say, checked before anything is built."""

from whelp.specs.blocks import BLOCKS, Block
from whelp.specs.errors import SpecError, placed
from whelp.specs.model import ModelSpec, Transform
from whelp.specs.params import Params, load_params
from whelp.specs.provenance import Provenance
from whelp.specs.targets import Target, TargetsTable, check_strand_pairs
from whelp.specs.train import TrainSpec
from whelp.specs.transfer import TransferSpec

__all__ = [
    "BLOCKS",
    "Block",
    "ModelSpec",
    "Params",
    "Provenance",
    "SpecError",
    "Target",
    "TargetsTable",
    "TrainSpec",
    "TransferSpec",
    "Transform",
    "check_strand_pairs",
    "load_params",
    "placed",
]
