"""Which coverage files are the two strands of one track, by their names."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from whelp.making.coverage import BED_ENDINGS, BIGWIG_ENDINGS, HDF5_ENDINGS

_WORDS = (
    ("plus", "minus"),
    ("forward", "reverse"),
    ("fwd", "rev"),
    ("fw", "rv"),
    ("positive", "negative"),
    ("pos", "neg"),
    ("str2", "str1"),
)
"""Words for + and - in file names, the clearest first."""

_SIGN = re.compile(r"^(?P<rest>.*?)[._ ]?(?P<sign>[+-])$")
_STRAND = r"(?:[._ -]?strand(?:ed)?)?"
_CARE = {
    "pos/neg": "taken as strands; if they are kinds of cells, use --unstranded",
    "positive/negative": "taken as strands; if they are kinds of cells, use --unstranded",
    "str2/str1": (
        "STAR's strands 2 and 1, taken as + and -, as in libraries whose first read is antisense "
        "(dUTP); --genes checks it, --flip-strands turns it round"
    ),
}


class StrandError(ValueError):
    """File names that cannot be sorted into strands; the files are listed."""


@dataclass(frozen=True)
class Track:
    """A track, or the two strands of one.

    Attributes:
        name: Unique among the tracks; a file's name without its ending and strand.
        files: The file, or those of the + and the - strand.
        words: What told the strands, such as "plus/minus"; "" for a track without strands.
    """

    name: str
    files: tuple[Path, ...]
    words: str = ""

    @property
    def paired(self) -> bool:
        """Whether there are two strands."""
        return len(self.files) == 2


class _Reading(NamedTuple):
    """One way to read a file's name: as a strand of the track `rest` in the folder."""

    rank: int
    folder: str
    rest: str
    strand: str

    @property
    def track(self) -> tuple[int, str, str]:
        return self[:3]


def pair_strands(
    files: Iterable[str | Path], *, unstranded: Iterable[Path] = ()
) -> tuple[list[Track], list[str]]:
    """Find strand pairs by names: `x+`, `x.plus`, `x_pos`, `x_fwd`, `x.forward`, STAR's `x.str2`.

    Only files that differ in the mark alone, in one folder, are a pair. STAR's `str1` is the -
    strand of libraries whose first read is antisense (dUTP), which most stranded ones are.

    Args:
        files: Coverage files; one that is given twice counts once.
        unstranded: Those whose names are not to be read so.

    Returns:
        Tracks in the order of their first files, and remarks to show.

    Raises:
        StrandError: A strand stands alone, or two files are the same strand of a track.
    """
    paths = list({os.path.abspath(path): Path(path) for path in files}.values())
    plain = {os.path.abspath(path) for path in unstranded}
    readings = {
        path: [] if os.path.abspath(path) in plain else list(_readings(path)) for path in paths
    }
    strands: dict[tuple[int, str, str], dict[str, list[Path]]] = {}
    for path, ways in readings.items():
        for way in ways:
            strands.setdefault(way.track, {}).setdefault(way.strand, []).append(path)
    tracks, lone = _tracks(readings, strands)
    if lone:
        raise StrandError(
            f"{_listed(lone)}: by name a strand of a track, but the other strand is not among the "
            "files. Give both, rename the file, or use --unstranded to take each file by itself"
        )
    return _named(tracks), _remarks(tracks)


def track_stem(path: Path) -> str:
    """A coverage file's name without its ending."""
    for ending in sorted((*BIGWIG_ENDINGS, *HDF5_ENDINGS, *BED_ENDINGS), key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.stem


def _readings(path: Path) -> Iterator[_Reading]:
    """Ways to read a name as that of a strand, the clearest first."""
    stem, folder = track_stem(path), str(path.parent)
    sign = _SIGN.match(stem)
    if sign is not None:
        yield _Reading(0, folder, sign["rest"], sign["sign"])
    for rank, words in enumerate(_WORDS, start=1):
        for word, strand in zip(words, "+-", strict=True):
            pattern = rf"(?:^|(?<=[._ -])){word}{_STRAND}(?=$|[._ -])"
            for match in reversed(list(re.finditer(pattern, stem, re.IGNORECASE))):
                before, after = stem[: match.start()], stem[match.end() :]
                # One separator goes with the mark.
                rest = before[:-1] + after if before else after[1:]
                yield _Reading(rank, folder, rest, strand)


def _tracks(
    readings: dict[Path, list[_Reading]],
    strands: dict[tuple[int, str, str], dict[str, list[Path]]],
) -> tuple[list[Track], list[Path]]:
    tracks: list[Track] = []
    lone: list[Path] = []
    used: set[Path] = set()
    for path, ways in readings.items():
        if path in used:
            continue
        pairs = [way for way in ways if len(strands[way.track]) == 2]
        if not pairs:
            lone += [path] if ways else []
            tracks.append(Track(track_stem(path), (path,)))
            continue
        both = strands[pairs[0].track]
        twice = [files for files in both.values() if len(files) > 1]
        if twice:
            raise StrandError(
                f"{_listed(twice[0])}: by name these are the same strand of one track; expected "
                "one file for each strand. Rename or leave out the others"
            )
        files = (both["+"][0], both["-"][0])
        used.update(files)
        tracks.append(Track(pairs[0].rest, files, _words(pairs[0].rank)))
    return tracks, lone


def _words(rank: int) -> str:
    return "+/-" if rank == 0 else "/".join(_WORDS[rank - 1])


def _named(tracks: Sequence[Track]) -> list[Track]:
    """Make names unique by the names of folders, from the nearest on."""
    names = [track.name for track in tracks]
    folders = [list(reversed(Path(os.path.abspath(t.files[0])).parent.parts)) for t in tracks]
    for depth in range(max(map(len, folders), default=0)):
        twice = {name for name, number in Counter(names).items() if number > 1 or not name}
        if not twice:
            break
        for at, name in enumerate(names):
            if name in twice and depth < len(folders[at]):
                names[at] = "_".join(part for part in (folders[at][depth].strip("/"), name) if part)
    _check_names(tracks, names)
    return [Track(n, track.files, track.words) for n, track in zip(names, tracks, strict=True)]


def _check_names(tracks: Sequence[Track], names: Sequence[str]) -> None:
    for name, number in Counter(names).items():
        if number > 1 or not name:
            same = [track.files[0] for track, own in zip(tracks, names, strict=True) if own == name]
            raise StrandError(
                f"{_listed(same)}: these would all be the track {name!r}; identifiers must differ. "
                "Rename the files"
            )


def _remarks(tracks: Iterable[Track]) -> list[str]:
    counts = Counter(track.words for track in tracks if track.paired)
    return [
        f"{words} in {count} pair{'s' if count > 1 else ''} of names: {_CARE[words]}"
        for words, count in counts.items()
        if words in _CARE
    ]


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(str(path) for path in paths)
