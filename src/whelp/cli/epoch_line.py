"""The line of an epoch."""

from __future__ import annotations

from collections.abc import Mapping


def epoch_words(epoch: int, seconds: float, logs: Mapping[str, float]) -> str:
    """Words an epoch: its number, its time, and its numbers."""
    parts = [f"epoch {epoch:>3}", f"{seconds:6.1f} s"]
    return "  ".join([*parts, *(f"{label} {value:.4f}" for label, value in _named(logs).items())])


def _named(logs: Mapping[str, float]) -> dict[str, float]:
    """Orders an epoch's numbers for a line: training first, then validation."""
    training = {name: value for name, value in logs.items() if not name.startswith("val_")}
    words = {"pearsonr": "r", "r2": "R2"}

    def label(name: str) -> str:
        for ending, word in words.items():
            if name.endswith(ending):
                return name.removesuffix(ending).replace("_", " ") + word
        return name.replace("_", " ")

    chosen = {label(name): value for name, value in training.items()}
    valid = {name: value for name, value in logs.items() if name.startswith("val_")}
    return chosen | {label(f"valid_{name[4:]}"): value for name, value in valid.items()}
