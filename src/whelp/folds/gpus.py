"""A GPU for each of several trainings on one machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from whelp.files import BusyError, exclusive

_VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> list[str]:
    """Lists the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    if (given := os.environ.get(_VISIBLE)) is not None:
        return [name for name in given.split(",") if name.strip() not in ("", "-1")]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=index", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout.split() if answer.returncode == 0 else []


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
