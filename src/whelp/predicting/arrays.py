"""Predictions of windows as arrays, from Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.genome.fasta import Fasta
from whelp.genome.intervals import BedRow, Interval, bed_rows
from whelp.models import SequenceModel
from whelp.predicting.errors import PredictError
from whelp.predicting.forward import Averaged, Forward, common_extent
from whelp.predicting.regions import check_letters, fasta_windows, kind_of, place_rows
from whelp.predicting.run import predict_batches
from whelp.predicting.settings import SPREAD, PredictSettings
from whelp.predicting.tiles import Tiling, Windows
from whelp.predicting.tracks import OutputTracks, choose_tracks
from whelp.scoring.untransform import is_old
from whelp.specs import Target, TargetsTable

Intervals = Iterable[tuple[str, int, int]]
_COLUMNS = ("chrom", "start", "end")


@dataclass(frozen=True)
class Predictions:
    """Predictions of windows, per base in the units of the coverage files.

    Attributes:
        values: float32 of shape `(windows, bins, tracks)`.
        chroms: Chromosome (or sequence) of each window, of shape `(windows,)`.
        starts: First base of its first bin, bp from 0, int64 of shape `(windows,)`. It may lie
            before the chromosome, and the last bin behind it: N stands there.
        regions: Number of the row or sequence that it belongs to, int64 of shape `(windows,)`.
        stride: Width of a bin, bp.
        tracks: What each track is: rows of the targets table.
        spreads: Sample standard deviation of the values over replicates, float32 of the same shape;
            None of one model.
    """

    values: npt.NDArray[np.float32]
    chroms: npt.NDArray[np.str_]
    starts: npt.NDArray[np.int64]
    regions: npt.NDArray[np.int64]
    stride: int
    tracks: tuple[Target, ...]
    spreads: npt.NDArray[np.float32] | None = None

    @property
    def ends(self) -> npt.NDArray[np.int64]:
        """The base after each window's last bin, bp, of shape `(windows,)`."""
        return self.starts + self.stride * self.values.shape[1]

    def bin_starts(self) -> npt.NDArray[np.int64]:
        """Give the first base of each bin, bp, of shape `(windows, bins)`."""
        return self.starts[:, None] + self.stride * np.arange(self.values.shape[1])

    def track(self, name: str) -> npt.NDArray[np.float32]:
        """Give the predictions of one track, of shape `(windows, bins)`.

        Raises:
            PredictError: No track is called so, or several are.
        """
        found = choose_tracks(TargetsTable.model_construct(rows=self.tracks), [name])
        if len(found) > 1:
            raise PredictError(f"{len(found)} tracks are called {name!r}; expected one")
        return self.values[..., found[0]]

    def frame(self) -> pd.DataFrame:
        """Give a table: chrom, start, end, region, and a column a track; a row for each bin.

        Of replicates there are also columns TRACK_sd.
        """
        bins = self.values.shape[1]
        starts = self.bin_starts().reshape(-1)
        places = {
            "chrom": np.repeat(self.chroms, bins),
            "start": starts,
            "end": starts + self.stride,
            "region": np.repeat(self.regions, bins),
        }
        names = [row.identifier for row in self.tracks]
        tables = [pd.DataFrame(places)]
        tables.append(pd.DataFrame(self.values.reshape(len(starts), -1), columns=names))
        if self.spreads is not None:
            named = [name + SPREAD for name in names]
            tables.append(pd.DataFrame(self.spreads.reshape(len(starts), -1), columns=named))
        return pd.concat(tables, axis=1)


def predict(
    model: SequenceModel | Sequence[SequenceModel],
    windows: str | Path | pd.DataFrame | Intervals,
    genome: str | Path | None,
    targets: str | Path | TargetsTable,
    *,
    settings: PredictSettings | None = None,
) -> Predictions:
    """Predict the tracks of stretches of DNA, in the units of the coverage files.

    A region that is not longer than a prediction gets one window, centred on it; a longer one is
    covered by neighbouring windows. All is held in memory: `whelp predict` writes files as it goes.

    Args:
        model: A model with one head, or replicates, which are averaged; their spread is given, too.
        windows: Regions: a BED file, a data frame with the columns chrom, start and end, or such
            tuples, bp from 0; or a FASTA file with sequences.
        genome: A FASTA file; None if `windows` are sequences.
        targets: The targets table of the data that the model was trained on, or some of its rows.
        settings: Which tracks, strands, shifts, overlaps, batch size.

    Returns:
        The predictions, windows in the order of the regions.

    Raises:
        PredictError: Regions, models, targets and settings do not go together; a region is not in
            the genome.
        whelp.genome.intervals.BedError: A BED file cannot be read.
        whelp.genome.fasta.FastaError: The genome cannot be read.
        whelp.specs.SpecError: The targets table lacks what undoes the squashing.

    Example:
        >>> made = whelp.predict(model, [("chr1", 1_000_000, 1_000_200)], "hg38.fa", "targets.txt")
        >>> made.values.shape, made.starts
    """
    chosen = settings or PredictSettings()
    models = [model] if isinstance(model, SequenceModel) else list(model)
    table = targets if isinstance(targets, TargetsTable) else TargetsTable.read(targets)
    extent = common_extent(models)
    tracks = OutputTracks(
        table,
        stride=extent.stride,
        old=is_old(models[0].spec, chosen.old),
        patterns=chosen.tracks,
        merge=chosen.merge_strands,
    )
    forward = Forward.of_tracks(models, tracks, chosen)
    sequences = isinstance(windows, str | Path) and kind_of(Path(windows)) == "fasta"
    if sequences:
        check_letters(Path(str(windows)))
    elif genome is None:
        raise PredictError("regions lie in a genome: expected its FASTA file, received None")
    with Fasta(str(windows) if sequences else str(genome)) as fasta:
        if sequences:
            placed, _ = fasta_windows(fasta.lengths, extent, overlap=chosen.overlap)
        else:
            placed = _placed(windows, fasta, Tiling.of(extent, chosen.overlap))
        batches = list(predict_batches(forward, placed, fasta))
    return Predictions(
        np.concatenate([batch.mean for batch in batches]),
        np.array(placed.names)[placed.chroms],
        np.array(placed.starts),
        np.array(placed.regions),
        extent.stride,
        tuple(tracks.rows),
        _spreads(batches),
    )


def _spreads(batches: Sequence[Averaged]) -> npt.NDArray[np.float32] | None:
    parts = [batch.spread for batch in batches if batch.spread is not None]
    return np.concatenate(parts) if parts else None


def _placed(source: Any, fasta: Fasta, tiling: Tiling) -> Windows:
    """Lay windows over regions, all of which must lie in the genome."""
    windows = Windows(fasta.lengths, tiling.extent)
    for row in place_rows(_rows(source), windows, tiling):
        raise PredictError(
            f"region {row.line} ({row.chrom}:{row.start}-{row.end}) cannot be predicted: "
            f"{row.reason}"
        )
    if not len(windows):
        raise PredictError("there are no regions; expected at least one")
    return windows


def _rows(source: Any) -> Iterator[BedRow]:
    if isinstance(source, str | Path):
        if kind_of(Path(source)) == "vcf":
            raise PredictError(
                f"{source} holds variants: both of their alleles are predicted by `whelp predict`, "
                f"and scored by whelp.score"
            )
        yield from bed_rows(source)
        return
    if isinstance(source, pd.DataFrame):
        missing = [name for name in _COLUMNS if name not in source]
        if missing:
            raise PredictError(
                f"regions need the columns chrom, start and end; {missing[0]} is missing"
            )
        source = source[list(_COLUMNS)].itertuples(index=False, name=None)
    for number, region in enumerate(source, start=1):
        if isinstance(region, str) or len(region) != len(_COLUMNS):
            raise PredictError(
                f"region {number}: expected (chrom, start, end), bp from 0; received {region!r}"
            )
        chrom, start, end = region
        if not 0 <= start <= end:
            raise PredictError(
                f"region {number} ({chrom}:{start}-{end}): expected 0 <= start <= end, bp from 0"
            )
        yield BedRow(Interval(str(chrom), int(start), int(end)), (), number)
