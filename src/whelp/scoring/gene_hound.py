"""Scores by gene in the layout of Baskerville's `hound_snpgene.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.genes import Gene
from whelp.genome.variants import Variant
from whelp.scoring.gene_scores import GeneScorer, Rows
from whelp.scoring.gene_table import NOT_SCORES, scored_genes
from whelp.scoring.predictor import Floats
from whelp.scoring.statistics import STATISTICS, Allele, score
from whelp.scoring.table import Sizes, row_blocks, write_tracks, write_variants


class HoundGeneScorer(GeneScorer):
    """Scores variants by gene into `STATISTIC/VARIANT/GENE`, as `hound_snpgene.py` does.

    REF and ALT are the coverage in each of the gene's bins.
    """

    def write(
        self, file: h5py.File, variants: Iterable[Variant], rows: Rows, *, sizes: Sizes
    ) -> None:
        """Write scores: see `write_hound_scores`."""
        scored = scored_genes(rows, len(self.genes))
        write_hound_scores(
            file,
            variants,
            rows,
            sizes=sizes,
            genes=dict(zip(scored.tolist(), (self.genes[at] for at in scored), strict=True)),
        )
        write_tracks(file, self._strands.rows(self._targets))

    def _shapes(self) -> Mapping[str, tuple[int, ...]]:
        tracks = (len(self._strands),)
        whole = (len(self.settings.shifts), self._windows.most_bins(), *tracks)
        return {
            name: whole if STATISTICS[name].is_coverage else tracks
            for name in self.settings.statistics
        }

    def _compare(self, ref: Allele, alt: Allele) -> Mapping[str, Floats]:
        scores = score(ref, alt, self.settings.statistics)
        for name, values in scores.items():
            if STATISTICS[name].is_coverage:
                # Of the two predictions of an indel that are not joined, the one in place.
                step = len(values) // len(self.settings.shifts)
                missing = self._windows.most_bins() - values.shape[1]
                pad = ((0, 0), (0, missing), (0, 0))
                scores[name] = np.pad(values[::step], pad, constant_values=np.nan)
        return scores


def write_hound_scores(
    file: h5py.File,
    variants: Iterable[Variant],
    rows: npt.NDArray[Any],
    *,
    sizes: Sizes,
    genes: Mapping[int, Gene],
) -> None:
    """Write scores by variant and gene as Baskerville's `hound_snpgene.py` does.

    There a second variant with the ID of an earlier one is lost. Here it is called ID#NUMBER, where
    NUMBER is its place in the data set `snp`, from 1; and genes of one identifier are told apart by
    their places. A slash, which would part names in HDF5, becomes a bar.

    Args:
        file: An empty file.
        variants: All variants; those without scores too.
        rows: Scores by variant and gene: `variant`, `gene`, and one field a statistic; bins that a
            gene has not are NaN.
        sizes: How many variants there are, and how long.
        genes: Number -> gene, of those that have scores.
    """
    statistics = [name for name in rows.dtype.names or () if name not in NOT_SCORES]
    groups = {name: file.create_group(name) for name in statistics}
    first = groups[statistics[0]]
    digits = len(str(sizes.variants))
    wide = sizes._replace(id=sizes.id + len("#") + digits)
    write_variants(file, _named_apart(variants, first), sizes=wide)
    called = _gene_names(genes)
    file["gene"] = np.array([name.encode() for name in called.values()], "S")
    for part in row_blocks(rows):
        for name, row in zip(_names(file, rows["variant"][part]), rows[part], strict=True):
            for statistic, group in groups.items():
                place = group.require_group(name)
                place[called[int(row["gene"])]] = _known(row[statistic])
    _remove_empty(first, file["snp"])


def _named_apart(variants: Iterable[Variant], group: h5py.Group) -> Iterator[Variant]:
    """Give each variant a name of its own; the names are kept as groups of the file."""
    for number, variant in enumerate(variants, start=1):
        name = variant.name.replace("/", "|")
        if name in group:
            name = f"{name}#{number}"
        group.create_group(name)
        yield variant._replace(id=name)


def _remove_empty(group: h5py.Group, names: h5py.Dataset) -> None:
    """Remove the variants that have no scores, a block at a time."""
    for part in row_blocks(names):
        for name in names[part]:
            if not len(group[name]):
                del group[name]


def _gene_names(genes: Mapping[int, Gene]) -> dict[int, str]:
    times = Counter(gene.identifier for gene in genes.values())
    found: dict[int, str] = {}
    for number, gene in genes.items():
        name = gene.identifier
        if times[name] > 1:
            name = f"{name}:{gene.chrom}:{gene.start + 1}{gene.strand}"
        found[number] = name.replace("/", "|")
    return found


def _names(file: h5py.File, numbers: Sequence[int] | npt.NDArray[Any]) -> Iterator[str]:
    """Read the names of variants."""
    places, back = np.unique(numbers, return_inverse=True)
    known = [name.decode() for name in file["snp"][places]]
    return (known[place] for place in back)


def _known(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Leave out bins that a gene has not."""
    if values.ndim == 1:
        return values
    return values[:, ~np.isnan(values[0, :, 0])]
