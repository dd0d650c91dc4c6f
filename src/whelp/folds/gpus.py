"""A GPU for each of several trainings on one machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from whelp.files import BusyError, exclusive

_VISIBLE = "CUDA_VISIBLE_DEVICES"


@contextmanager
def own_gpus(gpus: Sequence[str], number: int) -> Iterator[Mapping[str, str]]:
    """Takes GPUs that no other training of this user has taken.

    Where there are not enough, the choice is left to the libraries.

    Args:
        gpus: Those that may be used.
        number: How many are wanted.

    Yields:
        Variables of the environment that show a process these GPUs alone.
    """
    folder = Path(tempfile.gettempdir()) / f"whelp-gpus-{os.getuid()}"
    taken: list[str] = []
    with ExitStack() as held:
        for gpu in gpus if len(gpus) > number else ():
            if len(taken) < number:
                try:
                    held.enter_context(exclusive(folder / f"{gpu}.lock", "it is in use"))
                except BusyError:
                    continue
                taken.append(gpu)
        yield {_VISIBLE: ",".join(taken)} if len(taken) == number else {}
