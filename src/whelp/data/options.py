"""How windows become batches."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from whelp.data.augment import as_shifts


class BatchOptions(TypedDict, total=False):
    """Keyword arguments of `open_dataset` and the like, explained at `Batching`.

    An option that is left out, or is None, is *unset*: a trainer fills it from its specification.
    """

    batch_size: int | None
    shuffle: bool | None
    augment_rc: bool | None
    augment_shift: int | Sequence[int] | None
    diagonal_offset: int | None
    shuffle_buffer: int | None
    seed: int | None
    drop_last: bool | None


@dataclass(frozen=True)
class Batching:
    """How windows become batches, with all defaults in place.

    Attributes:
        batch_size: Windows in a batch.
        shuffle: Whether every epoch has another order.
        augment_rc: Whether to give the reverse complement of every second window, with its tracks.
        augment_shift: Greatest random shift of a sequence to either side in bp, or the shifts to
            draw from.
        diagonal_offset: First diagonal of targets that are upper triangles of contact maps; None
            for tracks.
        shuffle_buffer: Windows from which the next one is drawn when data are read from files in
            every epoch.
        seed: Start of all randomness.
        drop_last: Whether to leave out an incomplete last batch; None to do so when shuffling.
            Data of less than one batch are one smaller batch in any case.
    """

    batch_size: int = 1
    shuffle: bool = False
    augment_rc: bool = False
    augment_shift: int | Sequence[int] = 0
    diagonal_offset: int | None = None
    shuffle_buffer: int = 128
    seed: int = 0
    drop_last: bool | None = None

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("shuffle_buffer", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(
                    f"{name} is {value!r}, expected a whole number of at least {least}"
                )
        as_shifts(self.augment_shift)

    @property
    def shifts(self) -> tuple[int, ...]:
        """Shifts to draw from, in bp."""
        return as_shifts(self.augment_shift)

    def num_batches(self, num_windows: int) -> int:
        """Give the number of batches of an epoch."""
        drop = self.shuffle if self.drop_last is None else self.drop_last
        if drop and num_windows >= self.batch_size:
            return num_windows // self.batch_size
        return -(-num_windows // self.batch_size)


def resolved(options: BatchOptions) -> Batching:
    """Put defaults in the place of what is unset.

    Raises:
        TypeError: If there is no such option; it lists those that there are.
        ValueError: If a value is impossible.
    """
    known = [field.name for field in fields(Batching)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r}; options: {', '.join(known)}")
    chosen: dict[str, Any] = set_only(options)
    return Batching(**chosen)


def set_only(options: BatchOptions) -> dict[str, Any]:
    """Leave out the options that are None."""
    return {name: value for name, value in options.items() if value is not None}
