"""What a check has found, by how bad it is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Findings:
    """Sentences for the user.

    Attributes:
        faults: Why something cannot be used.
        warnings: What is probably not meant.
        notes: What one may want to know.
    """

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
