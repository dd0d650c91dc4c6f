"""How far scores are off in bfloat16, and with products of 10 bits as TF32 has them.

    python benchmarks/precision.py VARIANTS.vcf GENOME.fa TARGETS.txt [--statistics logSUM,logD2]

The pretrained mini Borzoi scores the variants in float32, in `mixed_bfloat16`, and with the
operands of all products (convolutions, dense layers, attention) rounded to 10 bits of mantissa,
which is what tensor cores of NVIDIA's GPUs do to float32 in TF32. The last is emulated on the CPU:
sums are in float32 there, as on the GPU. Needs TensorFlow or JAX, and no GPU.

Errors are of the scores of all variants and tracks, each statistic by itself:

- the largest difference from float32, as a share of the statistic's largest absolute score
- 1 minus Pearson's correlation with float32
- how many of the ten variants with the largest score (mean over tracks) are the same ten
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops
from rich.console import Console
from rich.table import Table

import whelp
from whelp.demo import demo_file
from whelp.scoring.settings import ScoreSettings

TOP = 10
# Mantissas: 23 bits in float32, 10 in TF32.
LOST_BITS = 13
PRODUCTS = ("matmul", "einsum", "conv", "depthwise_conv", "separable_conv")


def rounded(values: Any) -> Any:
    """Rounds float32 to 10 bits of mantissa, to the nearest, halves away from 0."""
    # Veltkamp's splitting: what float32 keeps of c x - (c x - x) are the upper bits of x.
    # The compiler must not simplify it, so it is done on integers.
    bits = ops.view(values, "int32") + (1 << (LOST_BITS - 1))
    return ops.view(ops.bitwise_and(bits, ~((1 << LOST_BITS) - 1)), "float32")


def with_rounded_operands(product: Callable[..., Any]) -> Callable[..., Any]:
    """A product that rounds its float32 operands first."""

    def wrapped(*operands: Any, **options: Any) -> Any:
        given = [
            rounded(one) if getattr(one, "dtype", None) in ("float32", np.float32) else one
            for one in map(_as_tensor, operands)
        ]
        return product(*given, **options)

    return wrapped


def _as_tensor(value: Any) -> Any:
    return ops.convert_to_tensor(value) if isinstance(value, keras.Variable) else value


@contextmanager
def tf32() -> Iterator[None]:
    """Rounds the operands of all products of Keras layers and of `keras.ops`."""
    # Keras' own layers look functions up in a module of their own.
    places = [(module, name) for module in (ops, keras.src.ops) for name in PRODUCTS]
    kept = [getattr(*place) for place in places]
    for place, product in zip(places, kept, strict=True):
        setattr(*place, with_rounded_operands(product))
    try:
        yield
    finally:
        for place, product in zip(places, kept, strict=True):
            setattr(*place, product)


def scores(arguments: argparse.Namespace, precision: str) -> dict[str, np.ndarray]:
    """Scores by statistic, `(variants, tracks)`."""
    files = (demo_file(f"mini_borzoi/{name}") for name in ("params.json", "model.h5"))
    model = whelp.load(*files, dtype=precision)
    settings = ScoreSettings(statistics=tuple(arguments.statistics.split(",")))
    table = whelp.score(
        model, arguments.variants, arguments.genome, arguments.targets, settings=settings
    )
    tracks = table["track"].nunique()
    return {name: table[name].to_numpy(float).reshape(-1, tracks) for name in settings.statistics}


def errors(found: np.ndarray, exact: np.ndarray) -> tuple[float, float, int]:
    """Largest difference as a share of the largest, 1 - Pearson, how many of the top ten."""
    largest = np.abs(found - exact).max() / np.abs(exact).max()
    pearson = np.corrcoef(found.ravel(), exact.ravel())[0, 1]
    tops = [set(np.argsort(-np.abs(one).mean(axis=1))[:TOP]) for one in (found, exact)]
    return float(largest), float(1 - pearson), len(tops[0] & tops[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variants")
    parser.add_argument("genome")
    parser.add_argument("targets")
    parser.add_argument("--statistics", default="SUM,logSUM,logSED,D2,logD2,JS")
    arguments = parser.parse_args()
    exact = scores(arguments, "float32")
    with tf32():
        found = {"TF32, emulated": scores(arguments, "float32")}
    found["mixed_bfloat16"] = scores(arguments, "mixed_bfloat16")
    number = len(next(iter(exact.values())))
    shown = Table("arithmetic", "statistic", "largest error", "1 - Pearson", f"top {TOP}")
    shown.title = f"{number} variants, against float32"
    for column in shown.columns[2:]:
        column.justify = "right"
    for name, values in found.items():
        for statistic, made in values.items():
            largest, pearson, same = errors(made, exact[statistic])
            shown.add_row(name, statistic, f"{largest:.2%}", f"{pearson:.1e}", f"{same} of {TOP}")
    Console().print(shown)


if __name__ == "__main__":
    main()
