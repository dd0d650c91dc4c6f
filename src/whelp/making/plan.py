"""Which windows of a genome a data set holds, and what each is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from whelp.making.windows import LabeledWindow
from whelp.specs import TargetsTable


class WindowError(ValueError):
    """Windows cannot be laid as asked; the message says what to change."""


@dataclass(frozen=True)
class WindowSettings:
    """How windows are laid over a genome and shared out.

    Attributes:
        seq_length: Length of a model's sequence, bp.
        crop_bp: What the model crops from each side, bp; targets cover the rest.
        pool_width: Width of a bin, bp.
        stride_train: Step from a window to the next: bp, or up to 1 a proportion of `seq_length`.
            Folds take this one too.
        stride_test: The same for validation and test windows.
        snap: Windows begin at multiples of this, bp.
        break_length: Longer contigs are halved until none is longer, bp, so that they can be
            shared out; None for 786,432, or less where the genome is small.
        folds: Number of folds of cross-validation, in the place of train, valid and test.
        test: Test windows: the share of the genome, or names of chromosomes (a sequence, or a text
            with commas); with `regions`, labels. None for a twentieth.
        valid: Validation windows, in the same way.
        gaps: BED of assembly gaps, which windows do not touch.
        limit: BED of what windows are limited to.
        peaks_only: Limit windows to the peaks in the files of the targets, which are BED.
        sample: Share of the windows that is kept.
        seed: Of the division and of the order of windows.
        unmappable: BED of unmappable regions; or, with `regions`, a mask as in
            `WindowPlan.unmappable` in a `.npy` file.
        unmappable_fraction: Windows with at least this share of unmappable bins are left out.
        regions: A `sequences.bed`, whose windows and labels are taken.
        as_reference: Lay the windows that Baskerville's `hound_data.py` lays, though it loses the
            largest contig and the last window of a contig that ends with it.
    """

    seq_length: int = 131_072
    crop_bp: int = 0
    pool_width: int = 32
    stride_train: float = 1.0
    stride_test: float = 1.0
    snap: int = 1
    break_length: int | None = None
    folds: int | None = None
    test: float | str | Sequence[str] | None = None
    valid: float | str | Sequence[str] | None = None
    gaps: Path | None = None
    limit: Path | None = None
    peaks_only: bool = False
    sample: float = 1.0
    seed: int = 44
    unmappable: Path | None = None
    unmappable_fraction: float = 0.5
    regions: Path | None = None
    as_reference: bool = False

    @property
    def target_bp(self) -> int:
        """What the targets of a window cover, bp."""
        return self.seq_length - 2 * self.crop_bp

    @property
    def target_length(self) -> int:
        """What the targets of a window cover, bins."""
        return self.target_bp // self.pool_width


@dataclass(frozen=True)
class WindowPlan:
    """The windows of a data set.

    Attributes:
        contigs: Stretches of the genome that were shared out, with their labels.
        windows: Windows, those of a label after one another, in the order of `labels`.
        unmappable: Which bins of each window cannot be mapped to, bool of shape
            `(windows, target_length)`; None where mappability is not known.
        labels: `train`, `valid`, `test`, or `fold0` and so on; each has windows.
        notes: What a user should be told.
    """

    contigs: list[LabeledWindow]
    windows: list[LabeledWindow]
    unmappable: npt.NDArray[np.bool_] | None
    labels: list[str]
    notes: list[str] = field(default_factory=list)


def plan_windows(genome: Path, targets: TargetsTable, settings: WindowSettings) -> WindowPlan:
    """Lay windows over a genome and share them out between training, validation and test.

    Args:
        genome: FASTA file (see `whelp.genome.fasta.Fasta`), or a table of chromosome lengths.
        targets: The tracks; their files are read for `peaks_only` only.
        settings: How.

    Returns:
        The windows.

    Raises:
        WindowError: Settings contradict one another, or a label is left without windows.
        whelp.genome.fasta.FastaError: The genome cannot be used.
        whelp.genome.intervals.BedError: A BED file cannot be used.
    """
    raise NotImplementedError
