"""What the weights that replicates begin from have been trained on before."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import count, takewhile
from pathlib import Path

from whelp.folds.data_layout import FoldData
from whelp.folds.errors import FoldsError
from whelp.folds.leaks import UNKNOWN, Pretraining, leak, read_pretraining, refuse_leak
from whelp.folds.settings import FoldsSettings, Replicate
from whelp.specs import ModelSpec


def with_provenance(settings: FoldsSettings, model: ModelSpec, *, data_sets: int) -> FoldsSettings:
    """Takes windows of the pretraining from the parameters, where they name them and nobody else.

    Args:
        settings: What is wanted; unchanged if it names windows, or no weights.
        model: The model, whose provenance may name files that are there.
        data_sets: Number of data sets, which are for the first heads. Where one of them has no
            such file, or more than one, nothing is known.
    """
    provenance = model.provenance
    if settings.pretrained is None or settings.pretrained_splits or provenance is None:
        return settings
    chosen = []
    for head in list(model.heads)[:data_sets]:
        others = set(model.heads) - {head}
        own = [
            file
            for name, file in provenance.window_files().items()
            if name not in others and Path(file).is_file()
        ]
        if len(own) != 1:
            return settings
        chosen.append(own[0].replace("{", "{{").replace("}", "}}"))
    held_out = settings.held_out or tuple(provenance.held_out or ())
    return replace(settings, pretrained_splits=chosen, held_out=held_out)


class Past:
    """The weights of replicates, and what they have seen.

    Args:
        data: The data sets.
        settings: Names of weights, and of the windows of their pretraining.

    Raises:
        FoldsError: Names do not fit together.
    """

    def __init__(self, data: Sequence[FoldData], settings: FoldsSettings) -> None:
        self._data = data
        self._settings = settings
        if settings.pretrained_splits and settings.pretrained is None:
            raise FoldsError("windows of a pretraining were given, but no weights (--pretrained)")
        if len(settings.pretrained_splits) > len(data):
            raise FoldsError(
                f"there are {len(settings.pretrained_splits)} files of windows of the pretraining "
                f"for {len(data)} data set(s): expected at most one for each"
            )
        for pattern in (settings.pretrained or "", *settings.pretrained_splits):
            _check_pattern(pattern)
        self._read = cache(
            lambda windows, split: read_pretraining(windows, split, held_out=settings.held_out)
        )

    def count_crosses(self, fold: int) -> int:
        """How many files of weights there are for a fold, if their names differ by cross."""
        pattern = self._settings.pretrained
        if pattern is None or "{c}" not in pattern:
            return 1
        there = takewhile(lambda c: Path(pattern.format(f=fold, c=c)).exists(), count())
        return max(1, len(list(there)))

    def of_all(self) -> Pretraining | None:
        """What the pretraining did with the first data set, if it was one for all replicates."""
        splits = self._settings.pretrained_splits
        if not splits or "{" in splits[0]:
            return None
        return self._of(0, 0)[0]

    def replicate(self, fold: int, cross: int, valid: int) -> Replicate:
        """Makes a replicate, unless its weights have seen too much."""
        pattern = self._settings.pretrained
        if pattern is None:
            return Replicate(fold, cross, valid)
        weights = Path(pattern.format(f=fold, c=cross)).absolute()
        if not weights.is_file():
            raise FoldsError(f"f{fold}c{cross}: there is no file {weights} to begin from")
        known = self._of(fold, cross)
        seen = leak(known, test=fold, valid=valid)
        if seen not in ("", UNKNOWN) and not self._settings.allow_leak:
            refuse_leak(f"f{fold}c{cross}", known, (fold, valid))
        return Replicate(fold, cross, valid, str(weights), seen)

    def notes(self, replicates: Sequence[Replicate]) -> list[str]:
        """What a user should be told of the weights' past."""
        told = [
            note
            for replicate in replicates
            for known in (self._of(replicate.fold, replicate.cross) if replicate.weights else ())
            if known is not None
            for note in known.notes
        ]
        leaky = [
            f"{each.name} ({each.leak})" for each in replicates if each.leak not in ("", UNKNOWN)
        ]
        if leaky:
            told.append(
                f"the weights have been trained on held-out windows of {', '.join(leaky)}: their "
                "accuracy there is too good, and every table says so"
            )
        if any(each.leak == UNKNOWN for each in replicates):
            told.append(
                "nobody knows whether the weights have been trained on windows that are held out "
                "here, and every table says so; --pretrained-split takes the windows of the "
                "pretraining"
            )
        return list(dict.fromkeys(told))

    def _of(self, fold: int, cross: int) -> list[Pretraining | None]:
        splits = [split.format(f=fold, c=cross) for split in self._settings.pretrained_splits]
        splits += [""] * (len(self._data) - len(splits))
        found: list[Pretraining | None] = []
        for each, split in zip(self._data, splits, strict=True):
            windows = each.folder / "sequences.bed"
            there = bool(split) and windows.exists()
            found.append(self._read(windows, split) if there else None)
        return found


def _check_pattern(pattern: str) -> None:
    """Refuses names with other places than fold and cross."""
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
    except ValueError as error:
        raise FoldsError(f"{pattern!r} is no pattern of file names: {error}") from None
    if strange := sorted(names - {"f", "c"}):
        raise FoldsError(
            f"{pattern!r}: {{{strange[0]}}} stands for nothing; expected {{f}} for the fold and "
            "{c} for the cross"
        )
