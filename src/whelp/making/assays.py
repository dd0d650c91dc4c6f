"""What is measured, and how it becomes targets unless one says otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from whelp.making.strands import track_stem

_FOLDERS = 4
"""Folders above a file whose names are looked at."""


@dataclass(frozen=True)
class Assay:
    """How tracks of an assay are pooled; the values are those of the released Borzoi's tables.

    Attributes:
        name: What stands before the colon of a description.
        sum_stat: How the bases of a bin become one number.
        clip_soft: Target above which only the root of the excess is kept.
        clip: Largest target.
        stranded: Whether files can be single strands.
    """

    name: str
    sum_stat: str
    clip_soft: float
    clip: float
    stranded: bool = False


ASSAYS = {
    assay.name: assay
    for assay in (
        Assay("RNA", "sum_sqrt", 384, 768, stranded=True),
        Assay("CAGE", "sum", 384, 768, stranded=True),
        Assay("DNASE", "sum", 64, 256),
        Assay("ATAC", "sum", 64, 256),
        Assay("CHIP", "sum", 64, 256),
    )
}
"""Name -> assay, for coverage that is a number of reads, whatever it was divided by."""

SIGNAL_STAT, SIGNAL_CLIP_SOFT, SIGNAL_CLIP, SIGNAL_SCALE = "mean", 32.0, 128.0, 2.0
"""For tracks that are no coverage, as fold changes: what Borzoi's tables have for ENCODE's."""

_SEQ = r"(?:[._ -]?seq)?"
_WORDS = {
    "RNA": rf"(?:sc|sn|total|poly|m|bulk|smart|lnc|long|small)?rna{_SEQ}\d*|poly[._-]?a|gex",
    "CAGE": rf"cage{_SEQ}|ctss|cnhs\d+",
    "DNASE": rf"dnase1?{_SEQ}|dhs",
    "ATAC": rf"(?:sc|sn)?atac{_SEQ}",
    "CHIP": (
        rf"chip{_SEQ}|ctcf|h[234]k\d+(?:me\d|ac|ub)|h2a(?:fz|z)|polr?2\w*"
        r"|cut[._ -]?(?:and|n|&)?[._ -]?(?:run|tag)"
    ),
}
_SIGNAL = re.compile(
    r"(?:^|[._ -])(?:fc|fe|fold[._ -]?(?:change|enrichment)|log2?(?:fc|ratio)|[pq][._ -]?val(?:ue)?"
    r"|ppois|qpois)(?:$|[._ -])",
    re.IGNORECASE,
)


def guess_assay(path: str | Path) -> str | None:
    """Guess the assay from a file's name, else from those of its nearest folders.

    Words count where they stand by themselves: `GM12878_ATAC-seq.bw`,
    `cage/heart.plus.bw`, `H3K27ac.rep1.bw`.

    Returns:
        A name of `ASSAYS`; None if there is no word for one, or words for several in one name.
    """
    path = Path(path)
    folders = [part for part in reversed(path.parent.parts) if part not in ("/", ".", "..")]
    for name in (track_stem(path), *folders[:_FOLDERS]):
        found = {assay for assay in _WORDS if _mentions(name, assay)}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def is_signal(path: str | Path) -> bool:
    """Whether a file's name says that it holds fold changes or p-values and no coverage."""
    return _SIGNAL.search(track_stem(Path(path))) is not None


def _mentions(name: str, assay: str) -> bool:
    pattern = rf"(?:^|[^a-z0-9])(?:{_WORDS[assay]})(?:$|[^a-z0-9])"
    return re.search(pattern, name.lower()) is not None
