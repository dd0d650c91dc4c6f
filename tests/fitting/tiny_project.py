"""A whole project in miniature: parameter files, a pretrained trunk, directories of records.

Training one epoch takes a fraction of a second, apart from compilation.
"""

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SEQ_LENGTH, BINS, BIN_WIDTH, CROP_BP = 2048, 64, 16, 512
SPLITS = {"train": 6, "valid": 2, "test": 3}

MODEL: dict[str, Any] = {
    "seq_length": SEQ_LENGTH,
    "augment_rc": True,
    "augment_shift": 2,
    "activation": "gelu",
    "norm_type": "batch",
    "bn_momentum": 0.9,
    "kernel_initializer": "lecun_normal",
    "l2_scale": 1e-6,
    "trunk": [
        {
            "name": "conv_dna",
            "filters": 12,
            "kernel_size": 7,
            "norm_type": None,
            "activation": "linear",
            "pool_size": 4,
        },
        {
            "name": "res_tower",
            "filters_init": 12,
            "filters_end": 16,
            "divisible_by": 4,
            "kernel_size": 3,
            "num_convs": 1,
            "pool_size": 2,
            "repeat": 3,
        },
        {
            "name": "transformer_tower",
            "key_size": 4,
            "heads": 2,
            "num_position_features": 4,
            "dropout": 0.1,
            "repeat": 1,
        },
        {"name": "unet_conv", "kernel_size": 3, "upsample_conv": True},
        {"name": "Cropping1D", "cropping": CROP_BP // BIN_WIDTH},
    ],
    "head_a": {"name": "final", "units": 3, "activation": "softplus"},
}

TRAIN: dict[str, Any] = {
    "batch_size": 2,
    "shuffle_buffer": 8,
    "optimizer": "adam",
    "learning_rate": 0.005,
    "loss": "poisson_mn",
    "total_weight": 0.2,
    "warmup_steps": 2,
    "global_clipnorm": 0.1,
    "patience": 5,
    "train_epochs_min": 2,
    "train_epochs_max": 2,
}

LORA: dict[str, Any] = {"mode": "adapter", "adapter": "lora", "adapter_latent": 2}


@dataclass(frozen=True)
class Project:
    """Paths of a project.

    Attributes:
        folder: Where all of it lies, and where runs may write.
        data: A data directory of 3 tracks, two of them a strand pair.
        other: A second one, of 2 tracks.
        trunk: A pretrained trunk, `.h5`.
        whole: The same with a head of 5 tracks.
    """

    folder: Path
    data: Path
    other: Path
    trunk: Path
    whole: Path

    def params(
        self,
        transfer: dict[str, Any] | None = None,
        *,
        name: str = "params.json",
        train: dict[str, Any] | None = None,
        model: dict[str, Any] | None = None,
    ) -> Path:
        """Writes a parameter file with some values replaced; `None` as a value leaves a key out."""
        values: dict[str, Any] = {"train": merged(TRAIN, train), "model": merged(MODEL, model)}
        values["transfer"] = LORA if transfer is None else transfer
        path = self.folder / name
        path.write_text(json.dumps(values))
        return path


def merged(values: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    """Values with changes; `None` takes a key away."""
    result = copy.deepcopy(values) | (changes or {})
    return {key: value for key, value in result.items() if value is not None}


def make_project(folder: Path) -> Project:
    """Makes data and weights of a project."""
    import keras

    from whelp.loading import load, save_weights

    keras.utils.set_random_seed(7)  # not that of any training
    data = make_data(folder / "data", tracks=("up+", "up-", "open"), pairs=(1, 0, 2), seed=1)
    other = make_data(folder / "other", tracks=("x", "y"), pairs=(0, 1), seed=2)
    pretrained = load({"model": MODEL | {"head_a": {**MODEL["head_a"], "units": 5}}})
    save_weights(pretrained, folder / "trunk.h5", trunk=True)
    save_weights(pretrained, folder / "whole.h5")
    return Project(folder, data, other, folder / "trunk.h5", folder / "whole.h5")


def make_data(
    folder: Path,
    *,
    tracks: tuple[str, ...],
    pairs: tuple[int, ...],
    seed: int,
    splits: dict[str, int] = SPLITS,
) -> Path:
    """Writes a data directory whose tracks count G and C in their bins, with noise."""
    from whelp.data import Window, write_windows

    rng = np.random.default_rng(seed)
    (folder / "tfrecords").mkdir(parents=True)
    rows = []
    for split, number in splits.items():
        windows = []
        for _ in range(number):
            sequence = rng.integers(0, 4, SEQ_LENGTH).astype("uint8")
            inner = sequence[CROP_BP : CROP_BP + BINS * BIN_WIDTH].reshape(BINS, BIN_WIDTH)
            signal = ((inner == 1) | (inner == 2)).sum(axis=1, keepdims=True) / 4
            noise = rng.gamma(1.0, 0.3, (BINS, len(tracks)))
            windows.append(Window(sequence, (signal + noise).astype("float16")))
            start = 10_000 * (len(rows) + 1)
            rows.append(("chr1", start, start + BINS * BIN_WIDTH, split))
        write_windows(folder / "tfrecords" / f"{split}-0.tfr", windows)
    pd.DataFrame(rows).to_csv(folder / "sequences.bed", sep="\t", header=False, index=False)
    table = {
        "identifier": list(tracks),
        "file": [f"{name}.bw" for name in tracks],
        "strand_pair": list(pairs),
        "description": [f"RNA:{name}" for name in tracks],
    }
    pd.DataFrame(table).to_csv(folder / "targets.txt", sep="\t")
    statistics = {
        "num_targets": len(tracks),
        "seq_length": SEQ_LENGTH,
        "seq_1hot": True,
        "pool_width": BIN_WIDTH,
        "crop_bp": CROP_BP,
        "target_length": BINS,
        **{f"{split}_seqs": number for split, number in splits.items()},
    }
    (folder / "statistics.json").write_text(json.dumps(statistics))
    return folder


def make_folds(folder: Path) -> Path:
    """Writes a data directory with 4 folds."""
    splits = {"fold0": 3, "fold1": 2, "fold2": 3, "fold3": 2}
    tracks = ("up+", "up-", "open")
    make_data(folder, tracks=tracks, pairs=(1, 0, 2), seed=3, splits=splits)
    table = pd.read_csv(folder / "targets.txt", sep="\t", index_col=0)
    named = table.assign(sum_stat="sum", group=["liver", "liver", "blood"])
    named.to_csv(folder / "targets.txt", sep="\t")
    return folder
