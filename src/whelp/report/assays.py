"""The assay of a track, and the colour that it has in every report."""

from collections.abc import Iterable

_FIXED = {"CAGE": "cage", "DNASE": "open", "ATAC": "atac", "CHIP": "chip", "RNA": "rna"}
_SPARE = ("gold", "rose", "brown", "grey")


def assay(description: str) -> str:
    """The assay of a track: what stands before the first colon (`CAGE`, `DNASE`), else `other`."""
    head, colon, _ = str(description).partition(":")
    return head.strip() if colon and head.strip() else "other"


def assay_colours(assays: Iterable[str]) -> dict[str, str]:
    """Colour names (see `palette`) for assays, in the order in which they are shown.

    The usual assays always have the same colour; others share the remaining ones.
    """
    names = sorted(set(assays), key=lambda name: (name == "other", name))
    spare = [name for name in names if name not in _FIXED]
    given = {name: _SPARE[min(i, len(_SPARE) - 1)] for i, name in enumerate(spare)}
    return {name: _FIXED.get(name, given.get(name, "grey")) for name in names}
