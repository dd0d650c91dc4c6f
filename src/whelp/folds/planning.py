"""Which replicates there are to be: their folds, crosses and weights."""

from __future__ import annotations

from collections.abc import Sequence

from whelp.folds.data_layout import FoldData
from whelp.folds.errors import FoldsError
from whelp.folds.past import Past
from whelp.folds.settings import FoldsSettings, Replicate


def plan_folds(
    data: Sequence[FoldData], settings: FoldsSettings
) -> tuple[list[Replicate], list[str]]:
    """Plans the replicates of a cross-validation, cross by cross.

    Args:
        data: The data sets, one a genome; they must have the same number of folds.
        settings: What is wanted.

    Returns:
        The replicates, and what a user should be told.

    Raises:
        FoldsError: A fold or a file is not there, a fold would be tested and validated on, or the
            weights were trained on held-out windows.
    """
    number = _number_of_folds(data)
    past = Past(data, settings)
    folds, note = _folds(number, settings, past)
    crosses = settings.crosses or past.count_crosses(folds[0])
    replicates = []
    for cross in range(crosses):
        for fold in folds:
            valid = _valid_fold(fold, cross, number, settings=settings, past=past)
            replicates.append(past.replicate(fold, cross, valid))
    return replicates, [*note, *past.notes(replicates)]


def _number_of_folds(data: Sequence[FoldData]) -> int:
    numbers = {str(each.folder): len(each.sizes) for each in data}
    if len(set(numbers.values())) > 1:
        raise FoldsError(
            "the data sets have different numbers of folds: "
            + ", ".join(f"{number} in {folder}" for folder, number in numbers.items())
            + ". Make them with the same number, of windows that belong together"
        )
    number = next(iter(numbers.values()))
    if number < 3:
        raise FoldsError(
            f"{data[0].folder} has {number} fold(s): expected at least 3, to train, validate and "
            "test on"
        )
    return number


def _folds(number: int, settings: FoldsSettings, past: Past) -> tuple[Sequence[int], list[str]]:
    """Chooses the folds to test on."""
    if settings.crosses is not None and settings.crosses < 1:
        raise FoldsError(f"there are to be {settings.crosses} crosses: expected 1 or more")
    for fold in (*(settings.folds or ()), settings.valid_fold or 0):
        if not 0 <= fold < number:
            raise FoldsError(f"there is no fold {fold}: the data have folds 0 to {number - 1}")
    if settings.folds is not None:
        folds = list(settings.folds)
        if not folds or len(set(folds)) < len(folds):
            raise FoldsError(f"the folds to test on are {folds}: expected at least one, each once")
        return folds, []
    known = past.of_all()
    if known is None or known.test is None:
        return range(number), []
    note = (
        f"only fold {known.test} is tested on, as in {known.source}: the weights have seen others"
    )
    return [known.test], [note]


def _valid_fold(fold: int, cross: int, number: int, *, settings: FoldsSettings, past: Past) -> int:
    """Chooses the validation fold of a replicate, as Baskerville's script does or as asked."""
    known = past.of_all() if settings.valid_fold is None else None
    if settings.valid_fold is not None:
        valid = settings.valid_fold
    elif known is not None and fold == known.test and known.valid is not None:
        valid = known.valid
    else:
        valid = (fold + 1 + (0 if settings.identical_crosses else cross)) % number
    if valid == fold:
        raise FoldsError(
            f"f{fold}c{cross} would be validated on fold {fold}, which it is tested on. With "
            f"{number} folds there are at most {number - 1} crosses with validation folds of their "
            "own; --identical-crosses validates all on one"
        )
    return valid
