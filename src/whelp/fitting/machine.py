"""The machine that a run is to use: its memory and its speed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from whelp.inspection import Work
from whelp.training.devices import available_devices

_GIB = 2**30


@dataclass(frozen=True)
class Machine:
    """Where a model is to be trained.

    Attributes:
      device: What it is, in words.
      memory: Memory that a run may use, bytes; `None` if it cannot be found out.
      products: Operations of matrix products a second, measured.
      traffic: Bytes through memory a second, measured.
    """

    device: str
    memory: int | None
    products: float
    traffic: float

    @property
    def is_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.startswith("GPU")

    def seconds(self, work: Work) -> float:
        """Time that work takes, if products and memory traffic do not overlap."""
        return work.products / self.products + work.traffic / self.traffic


def measure_machine(precision: str = "float32") -> Machine:
    """Looks up the memory of the device that Keras uses, and measures its speed for a second.

    Args:
      precision: Name of the policy under which the model will compute.
    """
    gpu = available_devices()[0].startswith("gpu")
    dtype = keras.DTypePolicy(precision).compute_dtype
    name, memory = _gpu() if gpu else (_cpu(), available_memory())
    size = 4096 if gpu else 768
    return Machine(name, memory, _products(size, dtype), _traffic(gpu))


def available_memory() -> int | None:
    """Returns the bytes of main memory that are free for this process.

    The limit of a container (control group) counts, where there is one.
    """
    found = [value for value in (_free_memory(), _group_memory()) if value is not None]
    return min(found) if found else None


def _free_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith("kB")}
    return int(sizes["MemAvailable"]) * 1024 if "MemAvailable" in sizes else None


def _group_memory() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
        cached = _cached((folder / "memory.stat").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) - used + cached


def _cached(statistics: str) -> int:
    """Bytes of file contents that the kernel would give up."""
    sizes = dict(line.split() for line in statistics.splitlines())
    return int(sizes.get("inactive_file", 0))


def _cpu() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"CPU, {cores} cores"


def _gpu() -> tuple[str, int | None]:
    """Name and memory of the first visible GPU, as its driver tells."""
    tool = shutil.which("nvidia-smi")
    query = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    if tool is None:
        return "GPU", None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] or "0"
    answer = subprocess.run(
        [tool, *query, "-i", visible], capture_output=True, text=True, check=False
    )
    name, _, mebibytes = answer.stdout.strip().partition(",")
    if answer.returncode or not mebibytes.strip().isdigit():
        return "GPU", None
    return f"GPU, {name}", int(mebibytes) * 2**20


def _products(size: int, dtype: str) -> float:
    """Operations a second of square matrix products."""
    values = np.random.default_rng(0).random((size, size), dtype=np.float32)
    matrix = keras.ops.cast(keras.ops.convert_to_tensor(values), dtype)
    return 2.0 * size**3 / _seconds(lambda: keras.ops.matmul(matrix, matrix))


def _traffic(gpu: bool) -> float:
    """Bytes a second of an addition: two arrays are read and one is written."""
    size = (_GIB if gpu else _GIB // 8) // 4
    values = keras.ops.ones((size,), dtype="float32")
    return 12.0 * size / _seconds(lambda: keras.ops.add(values, values))


def _seconds(call: Callable[[], Any], *, least: float = 0.3) -> float:
    """Shortest time of a call, among as many as fit into `least` seconds (three or more)."""
    times: list[float] = []
    while len(times) < 4 or sum(times) < least:
        begun = time.perf_counter()
        # One value is fetched, so that the call has ended on devices that work ahead.
        np.asarray(keras.ops.convert_to_numpy(keras.ops.ravel(call())[:1]))
        times.append(time.perf_counter() - begun)
    return min(times[1:])
