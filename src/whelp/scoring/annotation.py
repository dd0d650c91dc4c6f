"""Scores in the INFO column of the variants' own VCF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, repeat
from pathlib import Path

import h5py

from whelp.genome.annotated_vcf import InfoField, info_value, write_annotated_vcf
from whelp.genome.variants import Line, Rejected
from whelp.scoring.annotated_scores import MISSING, AnnotatedScores
from whelp.scoring.census import VariantFile
from whelp.scoring.errors import ScoreError
from whelp.scoring.statistics import STATISTICS

_REJECTED = InfoField("whelp_rejected", "String", "Why whelp did not score the alternate")
_NO_GENE = info_value("no gene is near it")


def write_score_vcf(scores: Path, variants: VariantFile, path: Path) -> None:
    """Write the variants' records with their scores, as bgzip VCF, with an index if it is sorted.

    For each statistic STATISTIC and alternate, `whelp_STATISTIC` is the score of the track where it
    is largest in absolute value, `whelp_STATISTIC_track` that track, and, where tracks have groups,
    `whelp_STATISTIC_in_GROUP` the mean score of a group's tracks. Of replicates
    `whelp_STATISTIC_sd` is the score's standard deviation over them. Of scores by gene it is the
    gene and track where it is largest, `whelp_STATISTIC_gene` that gene, and groups are of it.
    `whelp_rejected` says why an alternate was not scored.

    Args:
        scores: File of scores, by track or by gene.
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
        columns = [
            AnnotatedScores(file, name)
            for name, statistic in STATISTICS.items()
            if name in file and not statistic.is_coverage
        ]
        # Without statistics there is a row for each variant all the same.
        self._rows = _rows(columns) if columns else repeat({}, len(file["pos"]))
        self._needs_scores = bool(columns)
        self.fields = [field for column in columns for field in column.fields] + [_REJECTED]

    def __call__(self, line: Line) -> dict[str, list[str]]:
        items = list(islice(self._items, len(line.items)))
        values: dict[str, list[str]] = {}
        for place, item in enumerate(items):
            if isinstance(item, Rejected):
                texts: Mapping[str, str] = {_REJECTED.key: info_value(item.reason)}
            else:
                texts = self._scores()
            for key, text in texts.items():
                values.setdefault(key, [MISSING] * len(items))[place] = text
        if len(items) != len(line.items):
            raise self._other()
        return values

    def _scores(self) -> Mapping[str, str]:
        texts = next(self._rows, None)
        if texts is None:
            raise self._other()
        return {_REJECTED.key: _NO_GENE} if self._needs_scores and not texts else texts

    def _other(self) -> ScoreError:
        return ScoreError(f"{self._path}: it has other variants than the scores; run again")


def _rows(columns: list[AnnotatedScores]) -> Iterator[Mapping[str, str]]:
    """Join what the statistics have to say of each variant."""
    for parts in zip(*(column.rows() for column in columns), strict=True):
        yield {key: text for part in parts for key, text in part.items()}
