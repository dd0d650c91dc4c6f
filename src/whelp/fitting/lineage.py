"""Where a trained model comes from: the weights it began with, and the windows it has seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whelp.data import DataError, Dataset
from whelp.files import atomic_path
from whelp.fitting.folder import PARAMS
from whelp.fitting.inputs import Genome
from whelp.inspection import read_saved
from whelp.making.windows import LabeledWindow, write_windows_bed
from whelp.specs import ModelSpec, Provenance, SpecError, load_params
from whelp.specs.provenance import PRETRAINING, TRAINING
from whelp.weights import file_digest, find, is_port, provenance_of


@dataclass(frozen=True)
class Lineage:
    """What a trained model says of where it comes from.

    Attributes:
      facts: Source, licence and more of the weights it began with.
      windows: Name of a training -> file of its windows in the run's folder; words where the
        weights' windows are no file.
      files: Name of such a file -> its windows, or the file that it is a copy of.
    """

    facts: Mapping[str, Any]
    windows: Mapping[str, str]
    files: Mapping[str, Sequence[LabeledWindow] | Path] = field(default_factory=dict)

    def provenance(self, folder: Path | None = None) -> dict[str, Any] | None:
        """Returns the section for a model; with a folder, files have absolute names in it."""
        windows = {
            training: str(folder / name) if folder is not None and name in self.files else name
            for training, name in self.windows.items()
        }
        return {**self.facts, **({"windows": windows} if windows else {})} or None

    def write(self, folder: Path) -> None:
        """Writes the files.

        Raises:
          OSError: The folder cannot be written to, or a file is gone.
        """
        # Copies first: what is copied may lie in the folder under the name of a new file.
        for name, content in self.files.items():
            if isinstance(content, Path) and content.absolute() != (folder / name).absolute():
                with atomic_path(folder / name) as temporary:
                    shutil.copyfile(content, temporary)
        for name, content in self.files.items():
            if not isinstance(content, Path):
                write_windows_bed(folder / name, content)


def trace(spec: ModelSpec, weights: str | Path | None, genomes: Sequence[Genome]) -> Lineage:
    """Finds out what a model will have been trained on, and with what it begins.

    What the parameters say of the weights counts before what their file says.

    Args:
      spec: The section `model` as given.
      weights: The weights to begin with.
      genomes: The data.

    Raises:
      whelp.weights.WeightsError: A file of another library is missing or damaged.
    """
    base = {} if weights is None else _weights_facts(weights)
    base |= {} if spec.provenance is None else spec.provenance.given()
    known = Provenance.parse(base).window_files()
    facts = {key: value for key, value in base.items() if key != "windows"}
    windows: dict[str, str] = {}
    files: dict[str, Sequence[LabeledWindow] | Path] = {}
    for genome in genomes:
        single = len(genomes) == 1
        name = "windows.bed" if single else f"windows_{genome.head}.bed"
        if rows := list(_rows(genome)):
            windows[TRAINING if single else genome.head], files[name] = name, rows
    for number, text in enumerate(known.values(), start=1):
        training = PRETRAINING if number == 1 else f"{PRETRAINING}_{number}"
        windows[training] = text
        if Path(text).is_file():
            windows[training] = f"{training}.bed"
            files[f"{training}.bed"] = Path(text)
    return Lineage(facts, windows, files)


def _weights_facts(weights: str | Path) -> dict[str, Any]:
    """What a file of weights, or the `params.json` beside it, says of where it comes from."""
    if is_port(weights):
        return dict(provenance_of(find(weights)))
    path = Path(weights)
    spec = _weights_spec(path)
    given = {} if spec is None or spec.provenance is None else spec.provenance.given()
    if "source" in given or not path.is_file():
        return given
    return {"source": path.name, "sha256": file_digest(path), **given}


def _weights_spec(path: Path) -> ModelSpec | None:
    """What describes weights; what is wrong with a file its reader says better, later."""
    beside = path.with_name(PARAMS)
    try:
        if path.suffix == ".keras" and path.is_file():
            return ModelSpec.parse(read_saved(path)[0]["model"]).located(path.parent)
        return load_params(beside).model if beside.is_file() else None
    except SpecError:
        return None


def _rows(genome: Genome) -> Iterator[LabeledWindow]:
    """The windows of a data directory, as far as it says where they are."""
    parts: dict[str, Dataset | None] = {
        "train": genome.train,
        "valid": genome.valid,
        "test": genome.test,
    }
    for label, data in parts.items():
        if data is None:
            continue
        try:
            places = data.windows
        except DataError:
            return
        for row in places[["chrom", "start", "end"]].itertuples(index=False):
            yield LabeledWindow(str(row[0]), int(row[1]), int(row[2]), label)
