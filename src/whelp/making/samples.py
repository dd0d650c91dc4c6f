"""What a user says about tracks beside their files: assay, depth, group, description."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from whelp.making.assays import ASSAYS
from whelp.making.strands import Track


class SampleError(ValueError):
    """A table of samples that is faulty or does not fit the tracks; file and line are named."""


@dataclass(frozen=True)
class Sample:
    """What is said about a track; None and "" where nothing is.

    Attributes:
        assay: A name of `ASSAYS`.
        depth: Fragments that were sequenced and mapped: what the coverage is to sum up to.
        scale: Factor of the coverage, in place of one that follows from the depth.
        group: Condition, cell type.
        description: Words; the assay is put before them.
    """

    assay: str | None = None
    depth: float | None = None
    scale: float | None = None
    group: str = ""
    description: str = ""


_KEY = "sample"
_COLUMNS = tuple(field.name for field in fields(Sample))


def read_samples(path: str | Path) -> dict[str, Sample]:
    """Read a table of samples.

    Args:
        path: Separated by tabs, or by commas if the name ends in .csv. The header has `sample`, the
            name of a track or of a file of it, and any of `assay`, `depth`, `scale`, `group` and
            `description`; other columns are left alone.

    Returns:
        Name -> what is said, in the order of the table.

    Raises:
        SampleError: There is no column `sample`, a sample stands twice, or a value is wrong.
        OSError: The file cannot be read.
    """
    path = Path(path)
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines, delimiter=separator)
        if _KEY not in (reader.fieldnames or ()):
            raise SampleError(
                f"{path}, line 1: expected a header with the column {_KEY!r} and any of "
                f"{', '.join(_COLUMNS)}; got {', '.join(reader.fieldnames or ()) or 'nothing'}"
            )
        samples: dict[str, Sample] = {}
        for row in reader:
            place = f"{path}, line {reader.line_num}"
            name = (row[_KEY] or "").strip()
            if not name or name in samples:
                problem = f"{name!r} stands twice" if name else "there is no name"
                raise SampleError(f"{place}: {problem} in the column {_KEY!r}; expected each once")
            samples[name] = _sample(row, place)
    return samples


def assign_samples(samples: Mapping[str, Sample], tracks: Sequence[Track]) -> dict[str, Sample]:
    """Find what is said about each track.

    Args:
        samples: By name of a track, or by path or name of one of its files.
        tracks: The tracks.

    Returns:
        Name of a track -> what is said about it; tracks that the table does not have are left out.

    Raises:
        SampleError: A name of the table is none of the tracks, or two are the same one.
    """
    known: dict[str, str] = {}
    for track in tracks:
        for name in (
            track.name,
            *(text for file in track.files for text in (str(file), file.name)),
        ):
            known.setdefault(name, track.name)
    strange = [name for name in samples if name not in known]
    if strange:
        raise SampleError(
            f"the table of samples names {', '.join(strange)}, of which there is no track; the "
            f"tracks are {', '.join(track.name for track in tracks)}"
        )
    assigned: dict[str, Sample] = {}
    for name, sample in samples.items():
        if known[name] in assigned and assigned[known[name]] != sample:
            raise SampleError(f"the table of samples says different things about {known[name]}")
        assigned[known[name]] = sample
    return assigned


def check_assay(name: str) -> str:
    """Return the name of an assay as `ASSAYS` has it; `DNase`, `rna-seq` and `ChIP` are known.

    Raises:
        SampleError: It is none.
    """
    plain = "".join(letter for letter in name.upper() if letter.isalpha()).removesuffix("SEQ")
    if plain not in ASSAYS:
        raise SampleError(f"expected an assay of {', '.join(ASSAYS)}; got {name!r}")
    return plain


def _sample(row: Mapping[str, str | None], place: str) -> Sample:
    given = {name: (row.get(name) or "").strip() for name in _COLUMNS}
    try:
        return Sample(
            assay=check_assay(given["assay"]) if given["assay"] else None,
            depth=_positive("depth", given["depth"]),
            scale=_positive("scale", given["scale"]),
            group=given["group"],
            description=given["description"],
        )
    except SampleError as error:
        raise SampleError(f"{place}: {error}") from None


def _positive(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise SampleError(f"expected a {name} above 0; got {text!r}")
    return number
