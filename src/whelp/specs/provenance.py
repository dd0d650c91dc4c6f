"""Where weights come from."""

from __future__ import annotations

from whelp.specs.base import Spec


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
    windows: str | None = None
    """The windows that the weights were trained on, and those that were held out."""
