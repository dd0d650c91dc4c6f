"""Ways to add relative positions to attention logits: time and peak memory, in both directions.

    KERAS_BACKEND=tensorflow python benchmarks/attention_spread.py --length 4096 --heads 8

The logits of a position are a product of queries with features of distances; each way takes them
to pairs of positions. `original` is Transformer-XL's shift of the whole product, as in Baskerville;
`tiles` is what whelp trains with, `rows` what it predicts with. Every number is that of attention
logits and softmax in a process of its own, compiled by the backend; `none` leaves positions out.
Seconds of CPU are steadier than seconds where other programs run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from processes import run
from rich.console import Console
from rich.table import Table

FEATURES = 32
SIZES = {"batch": 2, "heads": 4, "length": 1024, "key_size": 64, "repeats": 5}
WAYS = ("none", "original", "tiles", "buckets, along axis", "buckets, elements", "buckets, rows")
DIRECTIONS = ("forward", "backward")


def original_shift(logits: Any) -> Any:
    """Shift by a column of zeros and a second look at the memory, as Transformer-XL does."""
    from keras import ops

    heads, length, width = logits.shape[1:]
    padded = ops.concatenate([ops.zeros_like(logits[..., :1]), logits], axis=-1)
    turned = ops.reshape(padded, (-1, heads, width + 1, length))[:, :, 1:]
    return ops.reshape(turned, (-1, heads, length, width))[..., :length]


def make_way(way: str, length: int) -> Callable[[Any, Any], Any]:
    """Function from queries and the features' projection to logits of positions.

    Queries are `(batch, heads, length, size)`, the projection is `(heads, features, size)`.
    """
    from keras import ops

    from whelp.layers import relative_position as relative

    features = relative.central_mask_features(length, FEATURES)
    rows, bucket = relative.distance_buckets(features)
    place = np.arange(length)
    pair = bucket[length - 1 + place[None, :] - place[:, None]]
    flat = (pair + len(rows) * place[:, None]).reshape(-1).astype("int32")

    def product(query: Any, kernel: Any, table: np.ndarray) -> Any:
        return ops.matmul(query, ops.swapaxes(ops.matmul(table, kernel)[None], -1, -2))

    def along_axis(logits: Any) -> Any:
        shape = (*logits.shape[:2], length, length)
        index = ops.broadcast_to(ops.convert_to_tensor(pair)[None, None], shape)
        return ops.take_along_axis(logits, index, axis=-1)

    def elements(logits: Any) -> Any:
        taken = ops.take(ops.reshape(logits, (-1, length * len(rows))), flat, axis=1)
        return ops.reshape(taken, (*logits.shape[:2], length, length))

    return {
        "none": lambda query, kernel: 0.0,
        "original": lambda q, w: original_shift(product(q, w, features)),
        "tiles": lambda q, w: relative.distance_logits(q, ops.matmul(features, w)[None]),
        "buckets, along axis": lambda q, w: along_axis(product(q, w, rows)),
        "buckets, elements": lambda q, w: elements(product(q, w, rows)),
        "buckets, rows": lambda q, w: relative.spread_buckets(product(q, w, rows), bucket),
    }[way]


def compiled(function: Callable[..., Any], backward: bool) -> Callable[..., Any]:
    """Function compiled by the backend, or its gradient for all arguments; it waits to the end."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        taken = jax.grad(function, argnums=(0, 1, 2)) if backward else function
        fast = jax.jit(taken)
        return lambda *arguments: jax.block_until_ready(fast(*arguments))
    import tensorflow as tf

    def gradient(*arguments: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            value = function(*arguments)
        return tape.gradient(value, arguments, unconnected_gradients="zero")

    fast = tf.function(gradient if backward else function)
    return lambda *arguments: [np.asarray(value) for value in tf.nest.flatten(fast(*arguments))]


def measure(way: str, direction: str, sizes: argparse.Namespace) -> dict[str, float]:
    """Time a way in this process: least seconds and seconds of CPU, in milliseconds."""
    from keras import ops

    rng = np.random.default_rng(0)
    shape = (sizes.batch, sizes.heads, sizes.length, sizes.key_size)
    kernel = rng.normal(size=(sizes.heads, FEATURES, sizes.key_size))
    arrays = [rng.normal(size=shape), rng.normal(size=shape), kernel]
    arguments = [ops.convert_to_tensor(array, dtype="float32") for array in arrays]
    positions = make_way(way, sizes.length)

    def attend(query: Any, key: Any, kernel: Any) -> Any:
        logits = ops.matmul(query, ops.swapaxes(key, -1, -2)) + positions(query, kernel)
        return ops.sum(ops.matmul(ops.softmax(logits, axis=-1), key))

    function = compiled(attend, direction == "backward")
    function(*arguments)
    walls, cpus = [], []
    for _ in range(sizes.repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        function(*arguments)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"ms": 1000 * min(walls), "cpu_ms": 1000 * min(cpus)}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in SIZES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "DIRECTION"))
    return parser.parse_args()


def main() -> None:
    """Measure every way in both directions, and print a table."""
    sizes = parse()
    if sizes.measure:
        print(json.dumps(measure(*sizes.measure, sizes)))
        return
    table = Table("way", "direction", "ms", "ms of CPU", "MB, peak")
    for direction in DIRECTIONS:
        for way in WAYS:
            words = [sys.executable, __file__, *sys.argv[1:], "--measure", way, direction]
            finished = run(words)
            found = json.loads(finished.output.splitlines()[-1])
            numbers = (found["ms"], found["cpu_ms"], finished.peak_mb)
            table.add_row(way, direction, *(f"{number:,.0f}" for number in numbers))
    Console().print(table)


if __name__ == "__main__":
    main()
