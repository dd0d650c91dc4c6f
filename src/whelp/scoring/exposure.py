"""Which variants lie in windows that the model was trained on, written beside their scores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from whelp.making.exposure import Exposure, ExposureCount

SEEN = "in_training"
_ATTRIBUTE = "training_windows"
_BLOCK = 1 << 16


def write_exposure(file: h5py.File, exposures: Sequence[Exposure]) -> None:
    """Write which variants the model was trained on, a block at a time.

    Args:
        file: A file of scores, with its variants. It gets `in_training`, a bool for each, and in
            the attribute `training_windows` how many each training saw; neither where nothing is
            known of the model.
        exposures: What the model was trained on.
    """
    if not exposures:
        return
    count = ExposureCount(exposures)
    seen = file.create_dataset(SEEN, (len(file["pos"]),), bool)
    for first in range(0, len(seen), _BLOCK):
        part = slice(first, first + _BLOCK)
        starts = file["pos"][part].astype(np.int64) - 1
        ends = starts + np.maximum(np.char.str_len(file["ref_allele"][part]), 1)
        seen[part] = count.add(file["chr"][part].astype(str), starts, ends)
    said = {"seen": count.seen, "sentences": count.sentences("variants")}
    file.attrs[_ATTRIBUTE] = json.dumps(said)


def exposure_sentences(scores: Path) -> list[str]:
    """Read how many variants of a file of scores each training saw, in sentences."""
    with h5py.File(scores) as file:
        said = json.loads(file.attrs.get(_ATTRIBUTE, "{}"))
    return list(said.get("sentences", ()))
