"""Where weights come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from whelp.specs.base import Spec

TRAINING, PRETRAINING = "training", "pretraining"
"""Trainings whose windows a model names; with several data sets there is one for each head."""


class Provenance(Spec):
    """Where the weights of a model come from and on what terms; whelp's own section of a model."""

    source: str | None = None
    """The file's name, or its name on a hub with the revision."""
    library: str | None = None
    """The library that wrote the file."""
    sha256: str | None = None
    """Digest of the file."""
    licence: str | None = None
    """Licence of the weights."""
    windows: str | dict[str, str] | None = None
    """The windows that the weights were trained on, and those that were held out: a BED file with
    their labels (train, valid, test, or fold0 and so on) in the fourth column, such as the
    `sequences.bed` of a data set; or one for each training by its name, such as "pretraining", or
    the name of a head. Where there is no such file, words for people."""
    held_out: list[str] | None = None
    """Labels of windows that were not trained on, where they are not test and valid."""

    def window_files(self) -> Mapping[str, str]:
        """Returns the windows by the name of the training."""
        if isinstance(self.windows, str):
            return {TRAINING: self.windows}
        return self.windows or {}

    def located(self, folder: str | Path) -> Self:
        """Returns a copy in which windows that are files have absolute names.

        Args:
          folder: Folder of the file that named them, where they are looked for, also by their last
            names alone: a folder that was moved as a whole keeps them together.
        """
        return self._with_files(lambda name: _located(Path(folder), name))

    def unlocated(self, folder: str | Path) -> Self:
        """Returns a copy for a file in a folder: windows that lie there go by their last names."""
        here = Path(folder).absolute()
        return self._with_files(lambda name: Path(name).name if Path(name).parent == here else name)

    def _with_files(self, change: Callable[[str], str]) -> Self:
        files = {name: change(file) for name, file in self.window_files().items()}
        windows = files[TRAINING] if isinstance(self.windows, str) else files
        return self.model_copy(update={"windows": windows or None})


def _located(folder: Path, name: str) -> str:
    for path in (folder / name, folder / Path(name).name):
        if path.is_file():
            return str(path.absolute())
    return name
