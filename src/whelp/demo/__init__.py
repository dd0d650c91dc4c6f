"""The data of the demo: a pretrained mini Borzoi and real mouse tracks, inside the package."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent / "data"


def demo_file(name: str) -> Path:
    """Returns the path of a file or folder of the demo's data.

    Raises:
      FileNotFoundError: There is none of that name; the message lists what there is.
    """
    path = DATA / name
    if not path.exists():
        known = ", ".join(sorted(entry.name for entry in DATA.iterdir()))
        raise FileNotFoundError(f"The demo has no {name!r}; it has {known}.")
    return path
