"""Words for messages."""

from __future__ import annotations

from collections.abc import Iterable


def listed(names: Iterable[str], most: int = 4) -> str:
    """Gives the first of some names, and how many there are if they are more than `most`."""
    known = list(names)
    more = f", ... ({len(known):,} in all)" if len(known) > most else ""
    return ", ".join(known[:most]) + more
