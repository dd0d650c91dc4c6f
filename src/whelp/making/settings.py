"""How windows are laid over a genome, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from whelp.making.windows import WindowError

LONGEST_CONTIG = 786_432
"""Contigs longer than this are broken, bp."""

_SHARE = 0.05


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

    @property
    def steps(self) -> tuple[int, int]:
        """Steps between windows in bp: of training windows, and of validation and test windows."""
        strides = (self.stride_train, self.stride_test)
        train, test = (
            round(stride * self.seq_length if stride <= 1 else stride) for stride in strides
        )
        return train, test

    @property
    def split_names(self) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Names of chromosomes (or labels) for validation and test; None if shares are given.

        Raises:
            WindowError: One is given as names and the other as a share.
        """
        valid, test = _held_out(self.valid), _held_out(self.test)
        if isinstance(valid, float) and isinstance(test, float):
            return None
        if isinstance(valid, float) or isinstance(test, float):
            raise WindowError(
                f"validation and test must both be shares of the genome or both be names; got "
                f"{self.valid if self.valid is not None else _SHARE!r} for validation and "
                f"{self.test if self.test is not None else _SHARE!r} for test"
            )
        return valid, test

    @property
    def split_shares(self) -> tuple[float, float]:
        """Shares of validation and test, where `split_names` is None."""
        valid, test = _held_out(self.valid), _held_out(self.test)
        assert isinstance(valid, float) and isinstance(test, float)
        return valid, test

    def check(self) -> None:
        """Check what can be checked without files.

        Raises:
            WindowError: Values make no sense, or not together.
        """
        self._check_lengths()
        self._check_steps()
        if not 0 < self.sample <= 1:
            raise WindowError(f"sample is a share, above 0 and up to 1; got {self.sample}")
        if self.folds is not None and self.folds < 2:
            raise WindowError(f"cross-validation needs at least 2 folds; got {self.folds}")
        if self.regions is not None and not self.as_reference:
            self._check_regions()
        elif (
            self.folds is None and self.split_names is None and not 0 <= sum(self.split_shares) < 1
        ):
            raise WindowError(
                f"the shares of validation and test leave nothing to train on; got "
                f"{self.split_shares[0]} and {self.split_shares[1]}"
            )

    def _check_lengths(self) -> None:
        for name in ("seq_length", "pool_width", "snap"):
            if getattr(self, name) < 1:
                raise WindowError(f"{name} is at least 1 bp; got {getattr(self, name)}")
        if self.crop_bp < 0 or self.target_bp < 1:
            raise WindowError(
                f"crop_bp is taken from both sides and leaves something of seq_length; got a crop "
                f"of {self.crop_bp:,} bp and a sequence of {self.seq_length:,} bp"
            )
        if self.target_bp % self.pool_width:
            raise WindowError(
                f"what the crop leaves of a sequence, {self.target_bp:,} bp, is not a whole number "
                f"of bins of pool_width = {self.pool_width} bp; change crop_bp or pool_width"
            )
        least = self.seq_length if self.as_reference else self.target_bp
        if self.break_length is not None and self.break_length < least:
            raise WindowError(
                f"contigs are broken at {self.break_length:,} bp, below the length of a window, "
                f"{least:,} bp; raise the break length"
            )

    def _check_steps(self) -> None:
        steps = {"stride_train": self.steps[0], "seq_length": self.seq_length}
        if self.folds is None:
            steps["stride_test"] = self.steps[1]
        for name, step in steps.items():
            if step < 1:
                raise WindowError(f"{name} is a step of at least 1 bp; got {step}")
            if step % self.snap:
                raise WindowError(
                    f"{name} ({step:,} bp) must be a multiple of snap ({self.snap:,} bp), to which "
                    f"windows begin"
                )

    def _check_regions(self) -> None:
        unused = ("folds", "gaps", "limit", "peaks_only")
        if given := [name for name in unused if getattr(self, name)]:
            raise WindowError(
                f"the windows of {self.regions} are taken as they are; {' and '.join(given)} "
                f"cannot be given with them"
            )


def _held_out(value: float | str | Sequence[str] | None) -> float | tuple[str, ...]:
    """Read what is held out: a share below 1, or names."""
    if value is None:
        return _SHARE
    if isinstance(value, str):
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        # A chromosome may be called 1, but no one tests on all of the genome.
        if 0 <= share < 1:
            return share
        return tuple(name.strip() for name in value.split(",") if name.strip())
    if isinstance(value, int | float):
        return float(value)
    return tuple(value)
