"""Scores in the INFO column of the variants' own VCF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.annotated_vcf import InfoField, info_key, info_value, write_annotated_vcf
from whelp.genome.variants import Line, Rejected
from whelp.scoring.census import VariantFile
from whelp.scoring.errors import ScoreError
from whelp.scoring.group_table import MEANS
from whelp.scoring.statistics import STATISTICS

_REJECTED = InfoField("whelp_rejected", "String", "Why whelp did not score the alternate")
_MISSING = "."
_BLOCK_BYTES = 1 << 24


def write_score_vcf(scores: Path, variants: VariantFile, path: Path) -> None:
    """Write the variants' records with their scores, as bgzip VCF, with an index if it is sorted.

    For each statistic STATISTIC and alternate, `whelp_STATISTIC` is the score of the track where it
    is largest in absolute value, `whelp_STATISTIC_track` that track, and, where tracks have groups,
    `whelp_STATISTIC_in_GROUP` the mean score of the group's tracks. `whelp_rejected` says why an
    alternate was not scored.

    Args:
        scores: File of scores by track.
        variants: The variants that were scored.
        path: The file, `.vcf.gz`; it appears whole or not at all.

    Raises:
        ScoreError: The scores are not of these variants.
        VariantError: The variants cannot be read.
        OSError: The file cannot be written.
    """
    with h5py.File(scores) as file:
        annotator = _Annotator(file, variants)
        write_annotated_vcf(
            variants.path, path, annotator.fields, annotator, lengths=variants.fasta.lengths
        )


class _Annotator:
    """Gives the INFO fields of one line after another."""

    def __init__(self, file: h5py.File, variants: VariantFile) -> None:
        self._path = variants.path
        self._items = variants.items()
        columns = [_Column(file, name) for name in STATISTICS if _is_score(file, name)]
        rows = [column.rows() for column in columns]
        # Without statistics there is a row for each variant all the same.
        self._rows = zip(*rows, strict=True) if rows else repeat((), len(file["pos"]))
        self.fields = [field for column in columns for field in column.fields] + [_REJECTED]

    def __call__(self, line: Line) -> dict[str, list[str]]:
        items = list(islice(self._items, len(line.items)))
        reasons = [
            info_value(item.reason) if isinstance(item, Rejected) else _MISSING for item in items
        ]
        values: dict[str, list[str]] = {}
        for place, reason in enumerate(reasons):
            if reason != _MISSING:
                values.setdefault(_REJECTED.key, reasons)
                continue
            row = next(self._rows, None)
            if row is None or len(items) != len(line.items):
                raise ScoreError(f"{self._path}: it has other variants than the scores; run again")
            for column in row:
                for key, text in column.items():
                    values.setdefault(key, [_MISSING] * len(items))[place] = text
        return values


class _Column:
    """One statistic of a file of scores, as INFO fields."""

    def __init__(self, file: h5py.File, name: str) -> None:
        self._scores = file[name]
        self._tracks = [info_value(track.decode()) for track in file["target_ids"]]
        key = f"whelp_{name}"
        self.fields = [
            InfoField(key, "Float", f"{name} of the track where it is largest in absolute value"),
            InfoField(f"{key}_track", "String", f"The track of {key}"),
        ]
        self._groups = file.get(name + MEANS)
        if self._groups is not None:
            groups = [group.decode() for group in file["groups"]]
            for group, known in zip(groups, _unique(groups), strict=True):
                text = f"Mean {name} of the tracks of the group {group}"
                self.fields.append(InfoField(f"{key}_in_{known}", "Float", text))

    def rows(self) -> Iterator[Mapping[str, str]]:
        """Give the texts of each row of scores by key, a block of rows at a time."""
        keys = [field.key for field in self.fields]
        width = max(self._scores.shape[1], 1) * np.dtype(np.float64).itemsize
        step = max(1, _BLOCK_BYTES // width)
        for first in range(0, len(self._scores), step):
            part = slice(first, first + step)
            scores = self._scores[part].astype(np.float64)
            best = np.nan_to_num(np.abs(scores), nan=-1.0, posinf=np.inf).argmax(axis=1)
            largest = np.take_along_axis(scores, best[:, None], axis=1)[:, 0]
            groups = self._groups[part] if self._groups is not None else np.empty((len(best), 0))
            for value, track, means in zip(largest, best, groups, strict=True):
                name = _MISSING if np.isnan(value) else self._tracks[track]
                texts = [_number(value), name, *map(_number, means)]
                yield dict(zip(keys, texts, strict=True))


def _is_score(file: h5py.File, name: str) -> bool:
    return name in file and file[name].ndim == 2


def _number(value: npt.NDArray[Any]) -> str:
    return _MISSING if np.isnan(value) else f"{value:.6g}"


def _unique(names: list[str]) -> list[str]:
    """Make keys of names, and tell those apart that would be the same."""
    keys: list[str] = []
    for name in names:
        key = info_key(name)
        number = 2
        while key in keys:
            key = f"{info_key(name)}_{number}"
            number += 1
        keys.append(key)
    return keys
