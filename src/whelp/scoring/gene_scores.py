"""Scores of variants by gene, track by track."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.fasta import Fasta
from whelp.genome.genes import Gene
from whelp.genome.located_genes import located_genes
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Rejected, Variant
from whelp.making.exposure import read_exposures
from whelp.models import SequenceModel
from whelp.scoring.alleles import AlleleCoverage, Pair
from whelp.scoring.exposure import write_exposure
from whelp.scoring.gene_statistics import Bins, GeneBins, gene_coverage
from whelp.scoring.gene_table import write_gene_scores
from whelp.scoring.gene_windows import GeneSettings, GeneWindows, Place
from whelp.scoring.grid import Grid
from whelp.scoring.groups import Groups
from whelp.scoring.predictor import Floats
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.statistics import STATISTICS, Allele, as_half, score
from whelp.scoring.strands import Strands
from whelp.scoring.table import Sizes
from whelp.scoring.untransform import Untransform, is_old
from whelp.specs import TargetsTable

Rows = npt.NDArray[Any]


class GeneScorer:
    """Scores variants by what they change in the coverage of genes, on the genes' strand.

    REF and ALT are the coverage of each allele, summed over the gene's bins and averaged over
    shifts.

    Args:
        model: A model with one head.
        targets: The tracks.
        fasta: The genome.
        settings: How.
        genes: Which genes, and how.

    Attributes:
        alleles: Predicts the alleles.
        settings: As given.
        recipe: Which genes, as given.
        file_name: Name of the file of scores.

    Raises:
        ScoreError: Model, targets and settings do not go together, or there are no genes to score.
        GenesError: The annotation cannot be read, or none of its genes lies on the genome.
        SpecError: The targets table lacks what is needed to undo the squashing or to merge strands.
    """

    file_name = "scores.h5"

    def __init__(
        self,
        model: SequenceModel,
        targets: TargetsTable,
        fasta: Fasta,
        *,
        settings: ScoreSettings,
        genes: GeneSettings,
    ) -> None:
        self.settings = settings
        self.recipe = genes
        self._targets = targets
        self._strands = Strands.of(targets)
        # Files of other commands have none.
        self.groups = Groups.of(targets, self._strands) if settings.merge_first else Groups({})
        self._exposures = read_exposures(model.spec, model.head)
        self._untransform = self._undo(is_old(model.spec, settings.old))
        self.alleles = AlleleCoverage(
            model, targets, fasta, settings=settings, coverage=self._coverage
        )
        self._windows = GeneWindows(
            located_genes(genes.annotation, fasta.lengths),
            grid=Grid.of(model),
            settings=genes,
            share=settings.cluster,
        )
        self._kept: tuple[Allele | None, dict[int, Allele]] = (None, {})

    @property
    def genes(self) -> tuple[Gene, ...]:
        """The genes; the rows' numbers are places among them."""
        return self._windows.genes

    def layout(self) -> np.dtype:
        """Give the structure of a row: the scores of a variant for a gene.

        Returns:
            `variant`, its place among those that were given; `gene`, its place among `genes`;
            `share` of the gene's bins that lay in the window; and one field a statistic.
        """
        fields = [("variant", np.uint32), ("gene", np.uint32), ("share", np.float32)]
        kind = np.float16 if self.settings.half else np.float32
        return np.dtype([*fields, *((name, kind, shape) for name, shape in self._shapes().items())])

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window | Rejected]:
        """Put variants into windows; those without a gene are rejected.

        Args:
            variants: Variants that were checked against the genome. They are numbered as they come.
        """
        numbered = (variant._replace(row=row) for row, variant in enumerate(variants))
        return self._windows.windows(numbered)

    def count(self, windows: Sequence[Window]) -> int:
        """Count the rows of some windows: one for each variant and gene."""
        return sum(len(window.variants) * len(self._windows.places(window)) for window in windows)

    def rows(self, windows: Sequence[Window]) -> Rows:
        """Score the variants of some windows.

        Args:
            windows: From `windows`.

        Returns:
            Rows by window, variant and gene, of the structure `layout`.
        """
        made = np.zeros(self.count(windows), self.layout())
        row = 0
        for pair in self._pairs(windows):
            for place in self._windows.places(pair.window):
                made["variant"][row], made["gene"][row] = pair.variant.row, place.number
                made["share"][row] = place.bins.share
                for name, values in self._scores(pair, place).items():
                    made[name][row] = as_half(values) if self.settings.half else values
                row += 1
        return made

    def write(
        self,
        file: h5py.File,
        variants: Iterable[Variant],
        rows: Rows,
        *,
        sizes: Sizes,
    ) -> None:
        """Write scores, and which variants the model was trained on, if it says so.

        Args:
            file: An empty file.
            variants: The variants that `windows` was given.
            rows: What `rows` made.
            sizes: How many variants there are, and how long.
        """
        write_gene_scores(
            file,
            variants,
            rows,
            sizes=sizes,
            genes=self.genes,
            tracks=self._strands.rows(self._targets),
            groups=self.groups,
        )
        write_exposure(file, self._exposures)

    def shown(self, coverage: Floats, window: Window) -> Floats:
        """Make of an allele's coverage `(shifts, bins, tracks)` what scores are of, to be drawn.

        Returns:
            The mean over shifts on the strand of the window's gene, `(bins, merged tracks)`.
        """
        (gene,) = window.genes
        return np.asarray(self._strands.select(coverage, gene.strand).mean(axis=0))

    def _shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Give the shape of each statistic's scores."""
        return {name: (len(self._strands),) for name in self.settings.statistics}

    def _pairs(self, windows: Sequence[Window]) -> Iterator[Pair]:
        """Predict both alleles of each variant, in the bins of genes."""
        return self.alleles.pairs(windows, bins_of=self._windows.wanted)

    def _undo(self, old: bool) -> Callable[[Floats], Floats]:
        """Give what undoes the squashing of targets."""
        return Untransform(self._targets, old=old)

    def _coverage(self, predictions: Floats) -> Floats:
        return self._untransform(predictions)

    def _scores(self, pair: Pair, place: Place) -> Mapping[str, Floats]:
        return self._compare(*self._cut(pair, place))

    def _compare(self, ref: Allele, alt: Allele) -> Mapping[str, Floats]:
        scores = score(ref, alt, self.settings.statistics)
        for name, values in scores.items():
            if STATISTICS[name].is_coverage:
                scores[name] = values.sum(axis=1).mean(axis=0)
        return scores

    def _cut(self, pair: Pair, place: Place) -> tuple[Allele, Allele]:
        """Cut a gene out of both alleles; of the one that pairs share only once."""
        flipped = pair.variant.flipped
        shared, own = (pair.alt, pair.ref) if flipped else (pair.ref, pair.alt)
        if shared is not self._kept[0]:
            self._kept = (shared, {})
        known = self._kept[1]
        if place.number not in known:
            known[place.number] = self._of_gene(shared, pair.window, place)
        cut = self._of_gene(own, pair.window, place)
        return (cut, known[place.number]) if flipped else (known[place.number], cut)

    def _of_gene(self, allele: Allele, window: Window, place: Place) -> Allele:
        bins = GeneBins(self._places_of(window, place.bins.inside), place.bins.share)
        return gene_coverage(allele.values, bins, strand=place.gene.strand, strands=self._strands)

    def _places_of(self, window: Window, bins: Bins) -> Bins:
        """Find bins of a window among those that are predicted."""
        return np.searchsorted(self._windows.wanted(window), bins)
