"""How a data set is made, what is told on the way, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from whelp.making.settings import WindowSettings


class MakingError(ValueError):
    """A data set cannot be made as asked; the message says what to change."""


@dataclass(frozen=True)
class DataSettings:
    """How a data set is made from a genome and tracks.

    Attributes:
        windows: Which windows, and how they are shared out. Its `as_reference` also makes the rest
            equal Baskerville's where that differs: blacklisted regions that begin before a window
            are not looked at in it; scales and limits have six decimals; what a .w5 file does not
            have is 0.
        blacklist: BED of regions in which coverage is brought down to the median of its window.
        interp_nan: Fill bases without a value from their neighbours, instead of by 0.
        transform_old: The targets of the Borzoi paper.
        decimals: Decimals that targets are rounded to, so that files are smaller; None for all.
        umap_clip: Unmappable bins are brought down to this quantile of their window; 1 for none.
        umap_tfr: Store in the records which bins are unmappable.
        seqs_per_tfr: Windows in a record file.
        chr_prepend: Contigs of the tracks lack the "chr" of those of the genome.
        chr_strip: Contigs of the tracks have a "chr" that those of the genome lack.
        missing_contigs: What a BigWig or .w5 file means that lacks a contig with windows, or ends
            before it does: an `error`, or `zeros`.
        keep_coverage: Leave the binned coverage of each track in `seqs_cov/`, as Baskerville does.
        processes: How many processes read tracks and write records; None for one a core.
    """

    windows: WindowSettings = field(default_factory=WindowSettings)
    blacklist: Path | None = None
    interp_nan: bool = False
    transform_old: bool = False
    decimals: int | None = None
    umap_clip: float = 1.0
    umap_tfr: bool = False
    seqs_per_tfr: int = 256
    chr_prepend: bool = False
    chr_strip: bool = False
    missing_contigs: Literal["error", "zeros"] = "error"
    keep_coverage: bool = False
    processes: int | None = None

    def check(self) -> None:
        """Check that the settings make sense together.

        Raises:
            MakingError: They do not; or a file does not exist.
        """
        self.windows.check()
        if self.seqs_per_tfr < 1:
            raise MakingError(f"a record file holds 1 window or more, not {self.seqs_per_tfr}")
        if self.processes is not None and self.processes < 1:
            raise MakingError(f"1 process or more is needed, not {self.processes}")
        if not 0 <= self.umap_clip <= 1:
            raise MakingError(f"umap_clip is a quantile from 0 to 1, not {self.umap_clip:g}")
        if self.decimals is not None and not 0 <= self.decimals <= 8:
            raise MakingError(f"decimals are 0 to 8, not {self.decimals}")
        # Baskerville takes --umap_clip without -u for nothing to do.
        clips = self.umap_clip < 1 and not self.windows.as_reference
        if self.windows.unmappable is None and (self.umap_tfr or clips):
            what = "umap_tfr" if self.umap_tfr else f"umap_clip {self.umap_clip:g}"
            raise MakingError(
                f"{what} needs to know which regions are unmappable: give a BED file of them (-u)"
            )
        if self.chr_prepend and self.chr_strip:
            raise MakingError("contigs either get a chr or lose it: not both")
        if self.blacklist is not None and not self.blacklist.is_file():
            raise MakingError(f"{self.blacklist}: there is no such file of blacklisted regions")

    @property
    def process_count(self) -> int:
        """Number of processes: what was asked for, else one a core that this process may use."""
        if self.processes is not None:
            return self.processes
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


@dataclass(frozen=True)
class Progress:
    """How far the making of a data set is.

    Attributes:
        stage: `tracks` (coverage is read) and then `records` (windows are written).
        done: Tracks read, or windows written, so far; those of an earlier run included.
        total: Tracks, or windows, in all.
        name: What was finished: identifier of the track, or the record file; "" at the start.
    """

    stage: Literal["tracks", "records"]
    done: int
    total: int
    name: str = ""


ProgressHook = Callable[[Progress], None]


@dataclass(frozen=True)
class TrackSummary:
    """What came of a track.

    Attributes:
        identifier: Its identifier.
        file: Its file, as the table names it.
        sum: Sum of its targets over all windows.
        mean: Mean of its targets, per bin.
        max: Largest target.
        min: Smallest target.
        clipped: Share of the bins that a limit (clip, clip_soft, or the largest 16-bit float)
            changed.
        missing: Share of the bases for which the file has no value.
    """

    identifier: str
    file: str
    sum: float
    mean: float
    max: float
    clipped: float
    missing: float
    min: float = 0.0


@dataclass(frozen=True)
class DataSummary:
    """A finished data set.

    Attributes:
        path: Its folder.
        windows: Label (`train`, ...) -> number of windows in its records.
        tracks: The tracks, in the order of the table.
        seq_length: Length of a window's sequence, bp.
        target_length: Length of its targets, bins.
        notes: What a user should be told.
        seconds: What this run took.
    """

    path: Path
    windows: Mapping[str, int]
    tracks: tuple[TrackSummary, ...]
    seq_length: int
    target_length: int
    notes: tuple[str, ...]
    seconds: float
