"""Several models on the same variants: replicates, whose scores are averaged; adapters."""

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
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.table import Sizes
from whelp.scoring.variant_scores import VariantScorer
from whelp.wording import listed

TrackScorer = VariantScorer | GeneScorer


class Replicates:
    """Averages the scores of replicates: models of other weights for the same tracks.

    Args:
        scorers: One for each, alike in all but the weights.

    Attributes:
        file_name: Name of the file of scores.
        alleles: Those of the first replicate.
        settings: How variants are scored.

    Raises:
        ScoreError: There are none, or they differ in tracks or settings.
    """

    def __init__(self, scorers: Sequence[TrackScorer]) -> None:
        if len({str(scorer.layout()) for scorer in scorers}) != 1:
            raise ScoreError(
                "replicates are models for the same tracks, scored in one way; received "
                f"{len(scorers)} that differ in tracks or settings, or none"
            )
        self._scorers = list(scorers)
        first = self._scorers[0]
        self.file_name = first.file_name
        self.alleles: AlleleCoverage = first.alleles
        self.settings: ScoreSettings = first.settings

    def layout(self) -> np.dtype:
        """Give the structure of a row of scores."""
        return self._scorers[0].layout()

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window | Rejected]:
        """Put variants into windows, or reject them."""
        return self._scorers[0].windows(variants)

    def count(self, windows: Sequence[Window]) -> int:
        """Count the rows of some windows."""
        return self._scorers[0].count(windows)

    def rows(self, windows: Sequence[Window]) -> npt.NDArray[Any]:
        """Score the variants of some windows by each replicate, and average."""
        made = [scorer.rows(windows) for scorer in self._scorers]
        mean = made[0]
        for name in mean.dtype.names or ():
            if mean.dtype[name].base.kind == "f":
                mean[name] = np.mean([rows[name] for rows in made], axis=0, dtype=np.float64)
        return mean

    def write(
        self,
        file: h5py.File,
        variants: Iterable[Variant],
        rows: npt.NDArray[Any],
        *,
        sizes: Sizes,
    ) -> None:
        """Write rows as one model's."""
        self._scorers[0].write(file, variants, rows, sizes=sizes)


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
