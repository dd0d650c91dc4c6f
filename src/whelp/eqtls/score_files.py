"""Scores of the benchmark's variants, from files that `whelp score` or `hound_snp.py` wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.eqtls.errors import EqtlError
from whelp.eqtls.records import Eqtl, without_version
from whelp.files import Closing
from whelp.scoring.statistics import STATISTICS
from whelp.specs import Target, TargetsTable
from whelp.wording import listed

_BLOCK = 1 << 16
_BLOCK_VALUES = 1 << 22
_GAP = 64
_SIGNED = ("logSUM", "logSED", "SUM", "sqrtSUM", "SAD", "SAX")

Floats = npt.NDArray[np.float32]


class Rows(NamedTuple):
    """Where variants stand in the files of scores.

    Attributes:
        file: Number of the file, int64 of shape `(variants,)`; -1 where a variant has no scores.
        row: Row in that file, int64 of the same shape.
        sign: 1, or -1 where the file has the two alleles the other way round, float32.
    """

    file: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    sign: Floats

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Which variants have scores."""
        return self.file >= 0


class ScoreFiles(Closing):
    """Scores by track, or by gene, of variants in one or several files.

    Args:
        paths: The files, alike in tracks and statistics.
        statistic: Which of their statistics counts; None for logSUM or logSED where they have it,
            else the first with a sign, else the first.

    Attributes:
        statistic: The statistic.
        is_signed: Whether its sign says which way a variant acts.
        by_gene: Whether scores are by gene.
        tracks: The scored tracks.

    Raises:
        EqtlError: They are no such files, or not alike.
        OSError: A file cannot be read.
    """

    def __init__(self, paths: Sequence[str | Path], statistic: str | None = None) -> None:
        if not paths:
            raise EqtlError("expected at least one file of scores, received none")
        self._files: list[h5py.File] = []
        try:
            for path in paths:
                self._files.append(_opened(Path(path)))
            self.by_gene = _alike(self._files)
            self.statistic = _statistic(self._files, statistic)
        except BaseException:
            self.close()
            raise
        self.is_signed = self.statistic in _SIGNED
        self.tracks = _tracks(self._files[0])
        self._indexes = [_Index(file, by_gene=self.by_gene) for file in self._files]

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def find(self, variants: Sequence[Eqtl]) -> Rows:
        """Find the rows of variants; scores by gene are those of the variant's own gene.

        Alleles may stand the other way round in the files: signs say where.
        """
        number = len(variants)
        rows = Rows(np.full(number, -1), np.zeros(number, np.int64), np.ones(number, np.float32))
        genes = [_gene_key(variant.gene, variant.chrom) for variant in variants]
        for sign in (1, -1):
            keys = _keys(
                [one.chrom for one in variants],
                np.array([one.position for one in variants], np.int64),
                [one.ref if sign > 0 else one.alt for one in variants],
                [one.alt if sign > 0 else one.ref for one in variants],
            )
            for at, index in enumerate(self._indexes):
                places = index.find(keys, genes)
                new = (places >= 0) & ~rows.found
                rows.file[new], rows.row[new], rows.sign[new] = at, places[new], sign
        return rows

    def read(self, rows: Rows, tracks: Sequence[int]) -> Floats:
        """Read scores of the alternate against the reference allele of the variants.

        Args:
            rows: From `find`.
            tracks: Places of tracks.

        Returns:
            float32 of shape `(variants, tracks)`; 0 where a variant has no scores, or NaN.
        """
        made = np.zeros((len(rows.file), len(tracks)), np.float32)
        for at, file in enumerate(self._files):
            data = file[self.statistic]
            mine = np.flatnonzero(rows.file == at)
            mine = mine[np.argsort(rows.row[mine], kind="stable")]
            for some in _runs(mine, rows.row, most=max(1, _BLOCK_VALUES // data.shape[1])):
                first, last = rows.row[some[0]], rows.row[some[-1]]
                values = data[first : last + 1]
                made[some] = values[rows.row[some] - first][:, list(tracks)]
        np.nan_to_num(made, copy=False)
        return made * rows.sign[:, None] if self.is_signed else made


class _Index:
    """The rows of a file by variant, or by variant and gene."""

    def __init__(self, file: h5py.File, *, by_gene: bool) -> None:
        self._keys, self._order = _sorted(_variant_keys(file))
        self._by_gene = by_gene
        if not by_gene:
            return
        chroms = _texts(file["gene_chr"])
        self._genes: dict[tuple[str, str], int] = {}
        for name in ("gene", "gene_name"):
            for at, text in enumerate(_texts(file[name])):
                self._genes.setdefault(_gene_key(without_version(text), chroms[at]), at)
        self._number = max(len(chroms), 1)
        pairs = file["si"][:].astype(np.int64) * self._number + file["gi"][:]
        self._pairs, self._rows = _sorted(pairs)

    def find(
        self, keys: npt.NDArray[np.uint64], genes: Sequence[tuple[str, str]]
    ) -> npt.NDArray[np.int64]:
        """Give the row of each variant; -1 where there is none."""
        variants = _looked_up(keys, self._keys, self._order)
        if not self._by_gene:
            return variants
        places = np.array([self._genes.get(gene, -1) for gene in genes], np.int64)
        known = (variants >= 0) & (places >= 0)
        pairs = np.where(known, variants * self._number + places, -1)
        return _looked_up(pairs, self._pairs, self._rows)


def _runs(
    variants: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], *, most: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Divide variants in the order of their rows where these are far apart, or become too many.

    HDF5 reads a stretch of rows far quicker than as many single ones.
    """
    first = 0
    for at in range(1, len(variants) + 1):
        if (
            at == len(variants)
            or rows[variants[at]] - rows[variants[at - 1]] > _GAP
            or rows[variants[at]] - rows[variants[first]] >= most
        ):
            yield variants[first:at]
            first = at


def _opened(path: Path) -> h5py.File:
    try:
        file = h5py.File(path)
    except OSError as error:
        if not path.exists():
            raise
        raise EqtlError(f"{path}: this is no file of scores ({error})") from None
    missing = [name for name in ("target_ids", "chr", "pos", "ref_allele") if name not in file]
    if missing:
        file.close()
        raise EqtlError(
            f"{path}: it lacks {missing[0]}; expected scores.h5 of `whelp score` or hound_snp.py"
        )
    return file


def _statistic(files: Sequence[h5py.File], asked: str | None) -> str:
    known = [
        name
        for name in (*_SIGNED, *STATISTICS)
        if not STATISTICS[name].is_coverage and all(name in file for file in files)
    ]
    if not known or asked not in (None, *known):
        raise EqtlError(
            f"{files[0].filename}: expected scores of {asked or 'some statistic'} in all files; "
            f"they have {listed(dict.fromkeys(known)) or 'none in common'}"
        )
    return asked or known[0]


def _alike(files: Sequence[h5py.File]) -> bool:
    """Say whether scores are by gene; refuse files that differ in that, or in tracks."""
    first = files[0]
    for file in files[1:]:
        if ("si" in file) != ("si" in first):
            raise EqtlError(
                f"{first.filename} and {file.filename}: one has scores by gene, the other by track "
                "alone; give files of one kind"
            )
        if not np.array_equal(file["target_ids"][:], first["target_ids"][:]):
            raise EqtlError(f"{first.filename} and {file.filename}: they are of other tracks")
    return "si" in first


def _tracks(file: h5py.File) -> TargetsTable:
    texts = zip(_texts(file["target_ids"]), _texts(file["target_labels"]), strict=True)
    rows = tuple(
        Target(index=at, identifier=identifier, description=description)
        for at, (identifier, description) in enumerate(texts)
    )
    return TargetsTable(rows=rows, path=file.filename)


def _variant_keys(file: h5py.File) -> npt.NDArray[np.uint64]:
    parts = [np.empty(0, np.uint64)]
    for first in range(0, len(file["pos"]), _BLOCK):
        part = slice(first, first + _BLOCK)
        texts = [_texts(file[name][part]) for name in ("chr", "ref_allele", "alt_allele")]
        parts.append(_keys(texts[0], file["pos"][part].astype(np.int64), texts[1], texts[2]))
    return np.concatenate(parts)


def _keys(
    chroms: Sequence[str],
    positions: npt.NDArray[np.int64],
    refs: Sequence[str],
    alts: Sequence[str],
) -> npt.NDArray[np.uint64]:
    """Make 64-bit keys of variants; two of a billion are alike with a chance of 3 in 100."""
    table = pd.DataFrame({"chrom": [chrom.removeprefix("chr") for chrom in chroms]})
    table = table.assign(position=positions, ref=list(refs), alt=list(alts))
    return np.asarray(pd.util.hash_pandas_object(table, index=False), np.uint64)


def _gene_key(gene: str, chrom: str) -> tuple[str, str]:
    """Tell genes apart that an annotation has on two chromosomes."""
    return gene, chrom.removeprefix("chr")


def _sorted(keys: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _looked_up(
    wanted: npt.NDArray[Any], keys: npt.NDArray[Any], places: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Give the place of each key, the first of equal ones; -1 where there is none."""
    if not len(keys):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, places[at], -1)


def _texts(values: Any) -> list[str]:
    return [value.decode() for value in values[:]]
