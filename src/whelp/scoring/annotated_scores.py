"""One statistic of a file of scores by variant: where it is largest, and what groups have."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.annotated_vcf import InfoField, info_key, info_value
from whelp.scoring.group_table import MEANS
from whelp.scoring.table import SPREAD

MISSING = "."
_BLOCK_BYTES = 1 << 24

Best = npt.NDArray[Any]


class AnnotatedScores:
    """One statistic of a file of scores, as INFO fields.

    Args:
        file: Scores by track or by gene.
        name: The statistic.

    Attributes:
        fields: The fields.
    """

    def __init__(self, file: h5py.File, name: str) -> None:
        self._file = file
        self._scores = file[name]
        self._means = file.get(name + MEANS)
        self._spread = file.get(name + SPREAD)
        self._tracks = _texts(file["target_ids"])
        self._genes = _texts(file["gene"]) if "si" in file else []
        key = f"whelp_{name}"
        where = "gene and track" if "si" in file else "track"
        self.fields = [
            InfoField(key, "Float", f"{name} of the {where} where it is largest in absolute value"),
            InfoField(f"{key}_track", "String", f"The track of {key}"),
        ]
        if "si" in file:
            self.fields.append(InfoField(f"{key}_gene", "String", f"The gene of {key}"))
        if self._spread is not None:
            text = f"Standard deviation of {key} over replicates"
            self.fields.append(InfoField(f"{key}{SPREAD}", "Float", text))
        groups = [] if self._means is None else [group.decode() for group in file["groups"]]
        for group, known in zip(groups, _unique(groups), strict=True):
            text = f"Mean {name} of the tracks of the group {group}"
            self.fields.append(InfoField(f"{key}_in_{known}", "Float", text))
        kinds = [("value", np.float64), ("track", np.int32), ("gene", np.int32)]
        kinds += [("spread", np.float64)]
        self._kind = np.dtype([*kinds, ("means", np.float32, (len(groups),))])

    def rows(self) -> Iterator[Mapping[str, str]]:
        """Give the texts of each variant by key; none of a variant without scores."""
        if "si" not in self._file:
            for _, best in self._blocks():
                yield from map(self._values, best)
            return
        # Rows of a variant's genes are not neighbours; memory does not grow with the variants.
        number = len(self._file["pos"])
        with tempfile.TemporaryFile(dir=Path(self._file.filename).parent) as raw:
            raw.truncate(max(number, 1) * self._kind.itemsize)
            kept: Best = (
                np.memmap(raw, self._kind, "r+", shape=(number,)) if number else np.empty(0)
            )
            self._keep_best(kept)
            for best in kept:
                yield self._values(best) if best["track"] else {}

    def _blocks(self) -> Iterator[tuple[slice, Best]]:
        """Find the track where each row is largest, a block of rows at a time."""
        width = max(self._scores.shape[1], 1) * np.dtype(np.float64).itemsize
        step = max(1, _BLOCK_BYTES // width)
        for first in range(0, len(self._scores), step):
            part = slice(first, min(first + step, len(self._scores)))
            scores = self._scores[part].astype(np.float64)
            best = np.zeros(len(scores), self._kind)
            tracks = _sizes(scores).argmax(axis=1)
            best["value"] = np.take_along_axis(scores, tracks[:, None], axis=1)[:, 0]
            # From 1: what is 0 was never written.
            best["track"] = tracks + 1
            if self._spread is not None:
                spread = self._spread[part]
                best["spread"] = np.take_along_axis(spread, tracks[:, None], axis=1)[:, 0]
            if self._means is not None:
                best["means"] = self._means[part]
            yield part, best

    def _keep_best(self, kept: Best) -> None:
        """Find for each variant the gene where it is largest, the first of equal ones."""
        for part, best in self._blocks():
            variants = self._file["si"][part]
            best["gene"] = self._file["gi"][part]
            sizes = _sizes(best["value"])
            order = np.lexsort((-sizes, variants))
            _, first = np.unique(variants[order], return_index=True)
            chosen = order[first]
            before = kept[variants[chosen]]
            better = chosen[(before["track"] == 0) | (sizes[chosen] > _sizes(before["value"]))]
            kept[variants[better]] = best[better]

    def _values(self, best: Any) -> dict[str, str]:
        is_known = not np.isnan(best["value"])
        texts = [_number(best["value"]), self._tracks[best["track"] - 1] if is_known else MISSING]
        if self._genes:
            texts.append(self._genes[best["gene"]] if is_known else MISSING)
        if self._spread is not None:
            texts.append(_number(best["spread"]))
        texts += map(_number, best["means"])
        return {field.key: text for field, text in zip(self.fields, texts, strict=True)}


def _sizes(scores: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Absolute values; of NaN -1."""
    return np.nan_to_num(np.abs(scores), nan=-1.0, posinf=np.inf)


def _texts(names: Any) -> list[str]:
    return [info_value(name.decode()) for name in names]


def _number(value: Any) -> str:
    return MISSING if np.isnan(value) else f"{value:.6g}"


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
