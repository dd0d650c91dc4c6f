"""Predictions of both alleles of variants, as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.bigwig import write_bigwig_runs
from whelp.genome.fasta import Fasta
from whelp.genome.variant_windows import Window, cluster_variants
from whelp.genome.variants import Variant
from whelp.models import SequenceModel
from whelp.predicting.errors import PredictError
from whelp.predicting.folder import PredictSummary
from whelp.predicting.forward import common_extent
from whelp.predicting.outputs import bin_runs, describe_tracks, write_values
from whelp.predicting.run import Output, Progress
from whelp.predicting.settings import BIGWIGS, PREDICTIONS, SPREAD, PredictSettings
from whelp.predicting.tiles import Territory
from whelp.predicting.tracks import file_name, file_names
from whelp.scoring.alleles import AlleleCoverage
from whelp.scoring.census import VariantFile
from whelp.scoring.run import score_to_file
from whelp.scoring.settings import ScoreSettings
from whelp.scoring.table import Sizes, write_variants
from whelp.specs import Target, TargetsTable

_ALLELES = ("reference", "alternate")
_SPREADS = ("reference" + SPREAD, "alternate" + SPREAD, "change" + SPREAD)
_ENDINGS = {"reference": "ref", "alternate": "alt", "change": "change"}
_ENDINGS |= {part: f"{_ENDINGS[part.removesuffix(SPREAD)]}.sd" for part in _SPREADS}
_MOST_FILES = 3000


class Tracks(Protocol):
    """What is written of predictions: see `OutputTracks`."""

    targets: TargetsTable

    @property
    def rows(self) -> Sequence[Target]:
        """A row for each track that is written."""

    def __len__(self) -> int: ...

    def __call__(self, predictions: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Make what is written of squashed predictions."""


class AllelePredictor:
    """Predicts both alleles of variants, each in a window of its own, to be written to a file.

    It is what `whelp.scoring.run.score_to_file` takes. Predictions of insertions and deletions are
    joined at the variant, in the coordinates of the genome.

    Args:
        models: Replicates, of which predictions are averaged; of several, the spread is given, too.
        tracks: What is written.
        fasta: The genome.
        settings: How.

    Attributes:
        file_name: Name of the file.
        alleles: Predicts the alleles by the first of the models.
        extent: What the models see and predict.
        tracks: What is written.
        parts: What is predicted of a variant: both alleles, and of replicates the sample standard
            deviations of both and of alternate minus reference.

    Raises:
        PredictError: The models differ.
        ScoreError: Models, tracks and settings do not go together.
    """

    file_name = PREDICTIONS

    def __init__(
        self,
        models: Sequence[SequenceModel],
        tracks: Tracks,
        fasta: Fasta,
        *,
        settings: PredictSettings,
    ) -> None:
        self.extent = common_extent(models)
        how = ScoreSettings(shifts=settings.shifts, rc=settings.rc, batch_size=settings.batch_size)
        self._replicates = [
            AlleleCoverage(model, tracks.targets, fasta, settings=how, coverage=tracks)
            for model in models
        ]
        self.alleles = self._replicates[0]
        self.tracks = tracks
        self.parts = _ALLELES + (_SPREADS if len(models) > 1 else ())

    def layout(self) -> np.dtype:
        """Give the structure of a variant's predictions: parts, tracks and bins."""
        return np.dtype(("<f4", (len(self.parts), len(self.tracks), self.extent.bins)))

    def windows(self, variants: Iterable[Variant]) -> Iterator[Window]:
        """Put each variant into a window around it."""
        return cluster_variants(variants, length=self.extent.length)

    def count(self, windows: Sequence[Window]) -> int:
        """Count the variants of some windows."""
        return sum(len(window.variants) for window in windows)

    def rows(self, windows: Sequence[Window]) -> npt.NDArray[np.float32]:
        """Predict the variants of some windows.

        Returns:
            Averages over shifts and replicates, of shape `(variants, parts, tracks, bins)`.
        """
        made = np.empty((self.count(windows), *self.layout().shape), np.float32)
        replicates = (replicate.pairs(windows) for replicate in self._replicates)
        for row, pairs in enumerate(zip(*replicates, strict=True)):
            alleles = [(pair.ref.values, pair.alt.values) for pair in pairs]
            each = np.array([[values.mean(axis=0).T for values in both] for both in alleles])
            made[row, :2] = each.mean(axis=0)
            if len(pairs) > 1:
                made[row, 2:4] = each.std(axis=0, ddof=1)
                made[row, 4] = (each[:, 1] - each[:, 0]).std(axis=0, ddof=1)
        return made

    def write(
        self,
        file: h5py.File,
        variants: Iterable[Variant],
        rows: npt.NDArray[Any],
        *,
        sizes: Sizes,
    ) -> None:
        """Write what `rows` made.

        The file holds `reference` and `alternate`, float32 of shape `(variants, bins, tracks)`, of
        replicates also `reference_sd`, `alternate_sd` and `change_sd`, the variants as in
        `scores.h5`, and `start` and `end` of what is predicted, bp from 0.
        """
        describe_tracks(file, self.tracks.rows, stride=self.extent.stride)
        write_variants(file, variants, sizes=sizes)
        centres = file["pos"][:].astype(np.int64)
        file["start"] = centres - self.extent.length // 2 + self.extent.crop
        file["end"] = file["start"][:] + self.extent.predicted
        write_values(file, {name: rows[:, place] for place, name in enumerate(self.parts)})


def predict_variants(
    predictor: AllelePredictor,
    variants: VariantFile,
    *,
    output: Output,
    strict: bool = False,
    progress: Progress | None = None,
) -> PredictSummary:
    """Predict both alleles of variants and write HDF5, and with BigWigs asked for these, too.

    A run that was stopped, however it was, goes on when it is called again with the same
    `output.run`. Memory does not grow with the number of variants.

    Args:
        predictor: Predicts, and says what is written.
        variants: The variants.
        output: Where it goes.
        strict: Stop at a variant that cannot be predicted, before any is.
        progress: Called with the number of variants that are done, and of all.

    Returns:
        What was done.

    Raises:
        PredictError: The folder holds predictions that are not to be replaced, or there would be
            very many files.
        ScoreError: The same of unfinished ones; or another process writes into the folder.
        VariantError: The variants cannot be read, or with `strict` one cannot be predicted.
        OSError: Something cannot be read or written.
    """
    folder = output.folder()
    finished = folder.finished()
    if finished is not None:
        return finished
    if output.form != "hdf5":
        _check_number(variants, len(predictor.tracks) * (len(predictor.parts) + 1))
    done = score_to_file(
        predictor,
        variants,
        output.path,
        run=output.run,
        existing=output.existing,
        strict=strict,
        progress=progress,
    )
    files = [PREDICTIONS]
    if output.form != "hdf5":
        names = file_names(predictor.tracks.rows)
        written = write_variant_bigwigs(done.path, variants.fasta.lengths, names)
        files += [str(path.relative_to(output.path)) for path in written]
    return folder.finish(files, predicted=done.rows, rejected=done.rejected, resumed=done.resumed)


def _check_number(variants: VariantFile, files: int) -> None:
    """Refuse to write BigWigs of very many variants: each has its own.

    Raises:
        PredictError: There would be too many files.
    """
    most = _MOST_FILES // files
    if sum(1 for _ in islice(variants.variants(), most + 1)) > most:
        raise PredictError(
            f"{variants.path}: BigWigs are written for each variant and track: of more than {most} "
            f"variants with {files} files each they would be more than {_MOST_FILES} files. Take "
            f"--format hdf5, or fewer tracks (--tracks)"
        )


def write_variant_bigwigs(
    predictions: Path, lengths: Mapping[str, int], names: Sequence[str]
) -> list[Path]:
    """Write predictions of variants as BigWigs: reference, alternate, and their difference.

    Of replicates there are also those of the three spreads, `.ref.sd.bw` and so on.

    Args:
        predictions: The file that `AllelePredictor` wrote.
        lengths: Chromosome -> its length in bp.
        names: Names of the tracks, for files.

    Returns:
        The files: a folder for each variant, and in it three or six for each track.

    Raises:
        BigWigError, OSError: A file cannot be written.
    """
    written: list[Path] = []
    with h5py.File(predictions) as file:
        stride = int(file.attrs["stride"])
        for row in range(len(file["pos"])):
            called = file_name(file["snp"][row].decode())
            folder = predictions.parent / BIGWIGS / f"{row}_{called}"
            values = {name: file[name][row] for name in (*_ALLELES, *_SPREADS) if name in file}
            values["change"] = values["alternate"] - values["reference"]
            chrom, start = file["chr"][row].decode(), int(file["start"][row])
            end = min(int(file["end"][row]), lengths[chrom])
            territory = Territory(row, chrom, max(start, 0), end)
            for part, bins in values.items():
                kind = _ENDINGS[part]
                for track, name in enumerate(names):
                    path = folder / f"{name}.{kind}.bw"
                    runs = bin_runs(territory, start, stride, bins[:, track])
                    write_bigwig_runs(path, lengths, [runs])
                    written.append(path)
    return written
