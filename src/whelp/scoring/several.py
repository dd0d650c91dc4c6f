"""Several models on the same variants: replicates, with the mean and the spread; adapters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path
from whelp.genome.variant_windows import Window
from whelp.genome.variants import Rejected, Variant
from whelp.scoring.alleles import AlleleCoverage
from whelp.scoring.errors import ScoreError
from whelp.scoring.gene_scores import GeneScorer
from whelp.scoring.group_table import MEANS
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.statistics import STATISTICS
from whelp.scoring.table import SPREAD, Sizes, write_values
from whelp.scoring.variant_scores import VariantScorer
from whelp.wording import listed

TrackScorer = VariantScorer | GeneScorer


class Replicates:
    """Scores by replicates, models of other weights for the same tracks: the mean and the spread.

    The spread is the sample standard deviation `sqrt(sum((x - mean)^2) / (n - 1))` over the n
    replicates, of each score, and of the mean score of each group of tracks.

    Args:
        scorers: One for each, alike in all but the weights.

    Attributes:
        file_name: Name of the file of scores.
        alleles: Those of the first replicate.
        settings: How variants are scored.

    Raises:
        ScoreError: There are fewer than two, or they differ in tracks or settings.
    """

    def __init__(self, scorers: Sequence[TrackScorer]) -> None:
        if len(scorers) < 2 or len({str(scorer.layout()) for scorer in scorers}) > 1:
            raise ScoreError(
                "replicates are two models or more for the same tracks, scored in one way; "
                f"received {len(scorers)}, or some that differ in tracks or settings"
            )
        self._scorers = list(scorers)
        first = self._scorers[0]
        self.file_name = first.file_name
        self.alleles: AlleleCoverage = first.alleles
        self.settings: ScoreSettings = first.settings

    def layout(self) -> np.dtype:
        """Give the structure of a row: that of one model's, and the spread of each statistic."""
        fields = self._scorers[0].layout()
        own = [(name, fields[name]) for name in fields.names or ()]
        return np.dtype([*own, *((name, np.float32, size) for name, size in self._sizes().items())])

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window | Rejected]:
        """Put variants into windows, or reject them."""
        return self._scorers[0].windows(variants)

    def count(self, windows: Sequence[Window]) -> int:
        """Count the rows of some windows."""
        return self._scorers[0].count(windows)

    def rows(self, windows: Sequence[Window]) -> npt.NDArray[Any]:
        """Score the variants of some windows by each replicate, and average."""
        each = [scorer.rows(windows) for scorer in self._scorers]
        made = np.empty(len(each[0]), self.layout())
        for name in each[0].dtype.names or ():
            made[name] = each[0][name]
            if made.dtype[name].base.kind == "f":
                made[name] = np.mean([rows[name] for rows in each], axis=0, dtype=np.float64)
        groups = self._scorers[0].groups
        for name in self._ranked():
            scores = np.stack([rows[name] for rows in each]).astype(np.float64)
            made[name + SPREAD] = scores.std(axis=0, ddof=1)
            if len(groups):
                made[name + MEANS + SPREAD] = groups.means(scores).std(axis=0, ddof=1)
        return made

    def write(
        self,
        file: h5py.File,
        variants: Iterable[Variant],
        rows: npt.NDArray[Any],
        *,
        sizes: Sizes,
    ) -> None:
        """Write rows as one model's, with the spreads as STATISTIC_sd and STATISTIC_groups_sd.

        The attribute `replicates` says how many there are.
        """
        own = list(self._scorers[0].layout().names or ())
        self._scorers[0].write(file, variants, rows[own], sizes=sizes)
        for name in self._sizes():
            write_values(file, name, rows[name])
        file.attrs["replicates"] = len(self._scorers)

    def _ranked(self) -> list[str]:
        """Name the statistics that have a spread: whole coverage, which is large, has none."""
        return [name for name in self.settings.statistics if not STATISTICS[name].is_coverage]

    def _sizes(self) -> dict[str, tuple[int, ...]]:
        """Name the spreads, with their shapes in a row."""
        fields, groups = self._scorers[0].layout(), self._scorers[0].groups
        sizes = {}
        for name in self._ranked():
            sizes[name + SPREAD] = fields[name].shape
            if len(groups):
                sizes[name + MEANS + SPREAD] = (len(groups),)
        return sizes


class Adapters:
    """Scores by several models, some windows at a time, so that they can share references.

    Each model's scores are in a folder of its name beside the file of scores, which only links to
    them.

    Args:
        scorers: Name of the folder -> scorer; all put the same variants into the same windows.

    Attributes:
        file_name: Name of the file of scores.
        alleles: Those of the first model.
        shared: Names of the models whose local prefix is that of the first one, and computed once.

    Raises:
        ScoreError: Windows of the models differ in length.
    """

    def __init__(self, scorers: Mapping[str, TrackScorer]) -> None:
        self.scorers = dict(scorers)
        self._first = next(iter(self.scorers.values()))
        self.file_name = self._first.file_name
        self.alleles: AlleleCoverage = self._first.alleles
        if len({scorer.alleles.predictor.length for scorer in self.scorers.values()}) > 1:
            raise ScoreError("models that are scored together take sequences of one length")
        settings = self._first.settings
        self._windows = max(1, (settings.batch_size or 1) // 2)
        engine = self._first.alleles.predictor.engine
        references = self._windows * len(settings.shifts) * (2 if settings.rc else 1)
        self.shared = [
            name
            for name, scorer in self.scorers.items()
            if scorer is not self._first
            and scorer.alleles.predictor.engine.share(engine, references=references)
        ]

    def describe(self) -> str:
        """Say in a sentence what is computed once for several models, and for which it is not."""
        others = [name for name in list(self.scorers)[1:] if name not in self.shared]
        text = ""
        if self.shared:
            together = listed([next(iter(self.scorers)), *self.shared])
            text = f"The layers that act locally are computed once for {together}. "
        if others:
            text += f"Nothing is shared with {listed(others)}: layers that act locally differ."
        return text.strip()

    def layout(self) -> np.dtype:
        """Give the structure of a row: a field for each model, of its own structure."""
        return np.dtype([(name, scorer.layout()) for name, scorer in self.scorers.items()])

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window | Rejected]:
        """Put variants into windows, or reject them."""
        return self._first.windows(variants)

    def count(self, windows: Sequence[Window]) -> int:
        """Count the rows of some windows."""
        return self._first.count(windows)

    def rows(self, windows: Sequence[Window]) -> npt.NDArray[Any]:
        """Score the variants of some windows by each model."""
        made = np.empty(self.count(windows), self.layout())
        row = 0
        for first in range(0, len(windows), self._windows):
            some = windows[first : first + self._windows]
            last = row + self.count(some)
            for name, scorer in self.scorers.items():
                made[name][row:last] = scorer.rows(some)
            row = last
        return made

    def write(
        self,
        file: h5py.File,
        variants: Iterable[Variant],
        rows: npt.NDArray[Any],
        *,
        sizes: Sizes,
    ) -> None:
        """Write each model's rows to a file in its folder, and links to them.

        Args:
            file: An empty file, in the folder that holds those of the models.
            variants: The variants, in the order of the rows; they are gone through several times.
            rows: What `rows` made.
            sizes: How many variants there are, and how long.
        """
        for name, scorer in self.scorers.items():
            path = Path(file.filename).parent / name / scorer.file_name
            with atomic_path(path) as new, h5py.File(new, "w") as own:
                own.attrs.update(file.attrs)
                scorer.write(own, variants, rows[name], sizes=sizes)
                column = "si" if "si" in own else "pos"
            file[name] = h5py.ExternalLink(f"{name}/{scorer.file_name}", "/")
        file[column] = h5py.ExternalLink(f"{name}/{scorer.file_name}", f"/{column}")
