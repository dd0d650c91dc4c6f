"""Predictions of sites in the layout of Baskerville's `hound_predbed.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from whelp.files import atomic_path
from whelp.genome.bigwig import write_bigwig_runs
from whelp.genome.fasta import Fasta
from whelp.genome.intervals import bed_rows
from whelp.predicting.errors import PredictError
from whelp.predicting.forward import Forward
from whelp.predicting.outputs import bin_runs
from whelp.predicting.settings import BIGWIGS
from whelp.predicting.tiles import Extent, Territory
from whelp.scoring.rows import RowFolder
from whelp.scoring.statistics import as_half
from whelp.scoring.table import write_values

PREDICT = "predict.h5"
_UNFINISHED = ".predict.unfinished"
_BLOCK = 1 << 14

Floats = npt.NDArray[Any]
Progress = Callable[[int, int], None]


class Site(NamedTuple):
    """A row of a BED file.

    Attributes:
        chrom: Chromosome, as in the file.
        middle: Its middle, bp from 0.
    """

    chrom: str
    middle: int


@dataclass(frozen=True)
class SiteFile:
    """The sites of a BED file, or one job's part of them.

    Attributes:
        path: The file.
        part: Number of this part, from 0, and how many there are.
    """

    path: Path
    part: tuple[int, int] = (0, 1)

    def sites(self) -> Iterator[Site]:
        """Read the sites, one after the other.

        Raises:
            BedError: The file cannot be read.
        """
        number, parts = self.part
        first, last = 0, None
        if parts > 1:
            total = sum(1 for _ in bed_rows(self.path))
            first, last = (int(at) for at in np.linspace(0, total, parts + 1)[number : number + 2])
        for row in islice(bed_rows(self.path), first, last):
            yield Site(row.interval.chrom, (row.interval.start + row.interval.end) // 2)

    def check(self, genome: Mapping[str, int], header: Mapping[str, int]) -> tuple[int, int]:
        """Check that all sites lie on chromosomes that are known.

        Args:
            genome: Chromosome -> length in bp, of the sequences.
            header: The same, of the BigWigs.

        Returns:
            How many sites there are, and the length of the longest name of a chromosome.

        Raises:
            PredictError: There are no sites, or a chromosome is not in one of the two, or the
                BigWigs have less of it.
        """
        number, longest = 0, 1
        for site in self.sites():
            number, longest = number + 1, max(longest, len(site.chrom))
            if site.chrom not in genome or site.chrom not in header:
                raise PredictError(
                    f"{self.path}: site {number} is on {site.chrom}, which the genome (-f) or the "
                    f"table of chromosome lengths (-g) does not have; take the row out"
                )
            if header[site.chrom] < genome[site.chrom]:
                raise PredictError(
                    f"{site.chrom} has {header[site.chrom]:,} bp in the table of chromosome "
                    f"lengths (-g) and {genome[site.chrom]:,} bp in the genome (-f): they are of "
                    f"different assemblies"
                )
        if not number and self.part[1] == 1:
            raise PredictError(f"{self.path}: there are no sites in it; expected at least one row")
        return number, longest


@dataclass(frozen=True)
class SiteSettings:
    """What is written of predictions of sites.

    Attributes:
        length: Length of a site, bp; None for all that is predicted.
        total: Sum over a site's bins.
        bigwigs: Tracks of which whole windows are written as BigWigs, by place.
        signed: Keep negative values, as embeddings have. Baskerville makes them 0.
    """

    length: int | None = None
    total: bool = False
    bigwigs: tuple[int, ...] = ()
    signed: bool = False


class SitePredictor:
    """Predicts the bins of sites, or their sum, and whole windows of some tracks.

    Args:
        forward: Predicts squashed tracks, or an embedding.
        extent: The bins that are predicted.
        tracks: How many tracks are predicted.
        settings: What is written.
        transform: Undoes the squashing; None to leave it.

    Attributes:
        extent: As given.
        settings: As given, with the length.
        batch_size: Sites that are predicted at a time.

    Raises:
        PredictError: The length is not one of whole bins, or a track is not there.
    """

    def __init__(
        self,
        forward: Forward,
        extent: Extent,
        tracks: int,
        *,
        settings: SiteSettings,
        transform: Callable[[Floats], Floats] | None = None,
    ) -> None:
        length = extent.predicted if settings.length is None else settings.length
        bins, rest = divmod(length, extent.stride)
        if rest or not 0 < bins <= extent.bins:
            raise PredictError(
                f"a site of {length:,} bp: expected a length of whole bins of {extent.stride} bp, "
                f"up to the {extent.predicted:,} bp that are predicted"
            )
        if any(not 0 <= track < tracks for track in settings.bigwigs):
            raise PredictError(
                f"BigWigs of tracks {list(settings.bigwigs)}: expected numbers from 0 to "
                f"{tracks - 1}, places among the predicted tracks"
            )
        self.extent = extent
        self.settings = replace(settings, length=length)
        self.batch_size = forward.batch_size
        first = extent.bins // 2 - bins // 2
        self._forward = forward
        self._transform = transform
        self._bins = slice(first, first + bins)
        self._shape = (tracks,) if settings.total else (bins, tracks)

    def layout(self) -> np.dtype:
        """Give the structure of a site's row: what is written of it, and whole windows."""
        whole = (len(self.settings.bigwigs), self.extent.bins)
        return np.dtype([("preds", np.float16, self._shape), ("windows", np.float32, whole)])

    def window_start(self, site: Site) -> int:
        """Give the first base of the sequence around a site."""
        return site.middle - self.extent.length // 2

    def rows(self, sites: Sequence[Site], fasta: Fasta) -> npt.NDArray[Any]:
        """Predict some sites, at most `batch_size`.

        Returns:
            Their rows, of the structure `layout`.
        """
        starts = [self.window_start(site) for site in sites]
        length = self.extent.length
        pieces = zip(sites, starts, strict=True)
        bases = np.stack([fasta.fetch(site.chrom, at, at + length) for site, at in pieces])
        values = self._forward.predict(bases).mean
        if self._transform is not None:
            values = self._transform(values)
        made = np.empty(len(sites), self.layout())
        chosen = values[:, self._bins]
        chosen = chosen.sum(axis=1) if self.settings.total else chosen
        made["preds"] = as_half(chosen if self.settings.signed else np.maximum(chosen, 0))
        made["windows"] = np.swapaxes(values[..., list(self.settings.bigwigs)], 1, 2)
        return made


def predict_sites(
    predictor: SitePredictor,
    file: SiteFile,
    fasta: Fasta,
    out_dir: Path,
    *,
    run: Mapping[str, Any],
    lengths: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> int:
    """Predict sites and write `predict.h5`, and `bigwig/s{site}_t{track}.bw` where asked for.

    A run that was stopped goes on when it is called again with the same `run`. Memory does not grow
    with the number of sites.

    Args:
        predictor: Predicts.
        file: The sites.
        fasta: The genome.
        out_dir: Folder of the results.
        run: What the predictions depend on, from `whelp.scoring.run.describe_run`.
        lengths: Chromosome -> length in bp, for the BigWigs; the genome's where not given.
        progress: Called with the number of sites that are done, and of all.

    Returns:
        How many sites were predicted.

    Raises:
        PredictError: There are no sites, or some on a chromosome that is not known.
        ScoreError: Another process writes into the folder.
        OSError: Something cannot be read or written.
    """
    header = fasta.lengths if lengths is None else lengths
    number, width = file.check(fasta.lengths, header)
    with RowFolder(out_dir / _UNFINISHED, predictor.layout(), run) as rows:
        size = predictor.batch_size
        # A batch is one piece of work, so that each site is computed in the same company.
        rows.keep(number if rows.finished == number else rows.finished // size * size)
        rest = islice(file.sites(), rows.finished, None)
        while sites := list(islice(rest, size)):
            rows.append(predictor.rows(sites, fasta))
            if progress is not None:
                progress(rows.finished, number)
        _write_sites(out_dir / PREDICT, predictor, file, rows.read(), width=width)
        _write_bigwigs(out_dir / BIGWIGS, predictor, file, rows.read(), lengths=header)
        rows.remove()
    return number


def _write_sites(
    path: Path, predictor: SitePredictor, file: SiteFile, rows: npt.NDArray[Any], *, width: int
) -> None:
    half = (predictor.settings.length or 0) // 2
    with atomic_path(path) as new, h5py.File(new, "w") as made:
        write_values(made, "preds", rows["preds"])
        chroms = made.create_dataset("chrom", (len(rows),), f"S{width}")
        starts = made.create_dataset("start", (len(rows),), "int64")
        ends = made.create_dataset("end", (len(rows),), "int64")
        sites = file.sites()
        for first in range(0, len(rows), _BLOCK):
            block = list(islice(sites, _BLOCK))
            part = slice(first, first + len(block))
            chroms[part] = np.array([site.chrom.encode() for site in block])
            starts[part] = [site.middle - half for site in block]
            ends[part] = starts[part] + predictor.settings.length


def _write_bigwigs(
    folder: Path,
    predictor: SitePredictor,
    file: SiteFile,
    rows: npt.NDArray[Any],
    *,
    lengths: Mapping[str, int],
) -> None:
    extent = predictor.extent
    if not predictor.settings.bigwigs:
        return
    for number, site in enumerate(file.sites()):
        start = predictor.window_start(site) + extent.crop
        end = min(start + extent.predicted, lengths[site.chrom])
        territory = Territory(number, site.chrom, max(start, 0), end)
        for place, track in enumerate(predictor.settings.bigwigs):
            values = np.array(rows["windows"][number, place])
            runs = [bin_runs(territory, start, extent.stride, values)] if end > 0 else []
            write_bigwig_runs(folder / f"s{number}_t{track}.bw", lengths, runs)
