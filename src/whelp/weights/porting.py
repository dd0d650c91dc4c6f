"""Weights of other libraries into a model: a table of names, and one function that goes by it.

A reader is a table: for each tensor of the model the name that the other library gives it, and how
its axes lie there. `port` does the rest in the same way for all of them.
"""

from __future__ import annotations

import math
import mmap
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from whelp.models import TRUNK, SequenceModel, complete, fill
from whelp.weights.errors import WeightsError

Change = Callable[[NDArray[Any]], NDArray[Any]]
_LISTED = 5


class PortError(WeightsError):
    """Tensors of another library cannot be read, or do not fit the model."""


class LazyTensor(Protocol):
    """A tensor that is read when `numpy.asarray` asks for it: an HDF5 data set, a NumPy array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, known without reading it."""

    def __array__(self, dtype: Any = None) -> NDArray[Any]:
        """Reads it."""


@dataclass(frozen=True)
class Rule:
    """Where a tensor of the model is found.

    `{i}` in both names stands for a whole number, the same in both: one rule serves all repeats of
    a tower.

    Attributes:
      source: The tensor's name in the file, `"tower.{i}.norm.weight"`.
      target: Its stable name in the model, `"res_tower.{i}.norm/gamma"`; `None` for tensors of the
        file that a model does not need (counters, constants).
      change: Function from the file's array to one of the model's shape. Axes of length 1 may be
        absent or added without it. It runs on a stand-in too, to learn the shape, so it may only
        move and cut axes.
    """

    source: str
    target: str | None
    change: Change = np.asarray


def dense_kernel(array: NDArray[Any]) -> NDArray[Any]:
    """Takes `(out, in)`, and `(out, in, 1)` of a convolution of width 1, to `(in, out)`."""
    return (array[..., 0] if array.ndim == 3 else array).T


def conv_kernel(array: NDArray[Any]) -> NDArray[Any]:
    """Takes `(out, in, width)` to `(width, in, out)`."""
    return np.transpose(array, (2, 1, 0))


def depthwise_kernel(array: NDArray[Any]) -> NDArray[Any]:
    """Takes `(channels, 1, width)` to `(width, channels, 1)`."""
    return np.transpose(array, (2, 0, 1))


def rows(part: int, parts: int, then: Change = np.asarray) -> Change:
    """Takes one of several equal parts of the first axis, and changes it.

    Args:
      part: Which, from 0.
      parts: How many there are.
      then: What to do with it.
    """

    def change(array: NDArray[Any]) -> NDArray[Any]:
        size = array.shape[0] // parts
        return then(array[part * size : (part + 1) * size])

    return change


def port(
    model: SequenceModel,
    tensors: Mapping[str, LazyTensor],
    table: Sequence[Rule],
    *,
    trunk: bool | None = None,
) -> tuple[str, ...]:
    """Loads tensors of another library into a model; nothing is changed unless all of it fits.

    Every tensor of the model is filled from one place, every number of the file is used once, and
    tensors that no rule knows are an error. Tensors are read one at a time.

    Args:
      model: A plain model.
      tensors: The tensors by their names in the file.
      table: Where each tensor of the model is found. Rules for heads that the model lacks only say
        that the file may have their tensors.
      trunk: `True` leaves heads alone; `False` wants all of them; `None` takes those that fit.

    Returns:
      Names of the model's heads that keep the weights they had: with `trunk` all of them, with
      `None` those that the file lacks or has with another number of tracks.

    Raises:
      PortError: The file lacks tensors of the model, has others, or other shapes; or the table is
        wrong. Or numbers turn out to be damaged when they are read: then use the model no more.
    """
    plans = {part: _plan(names, tensors, table) for part, names in _parts(model).items()}
    new = tuple(part for part, plan in plans.items() if part != TRUNK and (trunk or plan.faults))
    skipped = () if trunk is False else new
    taken = [plan for part, plan in plans.items() if part not in skipped]
    if faults := [fault for plan in taken for fault in plan.faults]:
        raise PortError(
            f"The file does not fit the model in {len(faults)} tensors: {_some(faults)}. Is it the "
            "params.json that describes the file, and is the file complete?"
        )
    pairs = [pair for plan in taken for pair in plan.pairs]
    absent = {*model.spec.heads, *skipped} - {part for part in plans if part not in skipped}
    _check_used_once(pairs, tensors, table, absent)
    for pair in pairs:
        fill(pair.variable, partial(_value, pair, tensors[pair.source]))
    complete(model)
    return skipped


@dataclass(frozen=True)
class _Pair:
    source: str
    target: str
    rule: Rule
    variable: keras.Variable


@dataclass(frozen=True)
class _Plan:
    pairs: list[_Pair]
    faults: list[str]


def _value(pair: _Pair, tensor: LazyTensor) -> NDArray[np.float32]:
    """Reads a tensor as the model has it."""
    changed = pair.rule.change(np.asarray(tensor))
    value = own_pages(changed.shape, np.dtype("float32"))
    np.copyto(value, changed, casting="unsafe")
    return value.reshape(pair.variable.shape)


def own_pages(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Makes an array on memory pages of its own.

    They go back to the system with it. What the C library allocates in pieces of changing sizes
    often stays with the process instead: up to half as much again as a whole model.
    """
    count = math.prod(shape)
    pages = mmap.mmap(-1, max(1, count * dtype.itemsize))
    return np.frombuffer(pages, dtype, count).reshape(shape)


def _parts(model: SequenceModel) -> dict[str, dict[str, keras.Variable]]:
    """The model's tensors by part, the trunk first."""
    if model.adapter_tensors():
        raise PortError(
            "The model has adapters: expected a plain one, to load pretrained weights into. Load "
            "first and adapt then."
        )
    parts: dict[str, dict[str, keras.Variable]] = {TRUNK: {}}
    for name, variable in model.tensors().items():
        part = model.sites[name.partition("/")[0]].part
        parts.setdefault(part, {})[name] = variable
    return parts


def _plan(
    names: Mapping[str, keras.Variable], tensors: Mapping[str, LazyTensor], table: Sequence[Rule]
) -> _Plan:
    pairs, faults = [], []
    for target, variable in names.items():
        found = [
            (rule, source)
            for rule in table
            if rule.target is not None and (source := _translate(target, rule.target, rule.source))
        ]
        if len(found) != 1:
            raise PortError(
                f"The table of names has {len(found)} rules for {target} {tuple(variable.shape)}: "
                "expected one. This reader does not know such a model: is it the params.json that "
                "describes the file?"
            )
        rule, source = found[0]
        if source not in tensors:
            faults.append(f"{target} {tuple(variable.shape)} needs {source!r}, which is missing")
            continue
        given = tuple(tensors[source].shape)
        shape = _changed_shape(rule.change, given)
        if shape is None or _squeezed(shape) != _squeezed(tuple(variable.shape)):
            faults.append(f"{target} {tuple(variable.shape)} does not fit {source!r} {given}")
        pairs.append(_Pair(source, target, rule, variable))
    return _Plan(pairs, faults)


def _changed_shape(change: Change, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that a change gives; `None` where it cannot take such an array."""
    try:
        return change(np.broadcast_to(np.float32(0), shape)).shape
    except (ValueError, IndexError):
        return None


def _check_used_once(
    pairs: Iterable[_Pair],
    tensors: Mapping[str, LazyTensor],
    table: Sequence[Rule],
    absent: Collection[str],
) -> None:
    """Checks that every number of the file is used once, or belongs to a head that is absent."""
    used = Counter[str]()
    for pair in pairs:
        used[pair.source] += math.prod(pair.variable.shape)
    unknown = [n for n in tensors if n not in used and not _is_known(n, table, absent)]
    if unknown:
        shown = _some([f"{name!r} {tuple(tensors[name].shape)}" for name in unknown])
        raise PortError(
            f"The file holds {len(unknown)} tensors that the model has no place for: {shown}. Is "
            "it the params.json that describes the file?"
        )
    for source, count in used.items():
        if count != math.prod(tensors[source].shape):
            raise PortError(
                f"The table of names uses {count} numbers of {source!r}, which has "
                f"{math.prod(tensors[source].shape)}: expected each of them once."
            )


def _is_known(source: str, table: Sequence[Rule], absent: Collection[str]) -> bool:
    """Whether a rule says that a tensor is not needed, or that it belongs to an absent head."""
    for rule in table:
        if rule.target is None:
            if _match(source, rule.source) is not None:
                return True
        elif (target := _translate(source, rule.source, rule.target)) is not None:
            return target.startswith(tuple(f"{head}." for head in absent))
    return False


def _translate(name: str, pattern: str, into: str) -> str | None:
    """Takes a name that matches one pattern to the other."""
    number = _match(name, pattern)
    return None if number is None else into.replace("{i}", number)


def _match(name: str, pattern: str) -> str | None:
    """The number that `{i}` stands for (empty where a pattern has none); `None` for no match."""
    first, *rest = map(re.escape, pattern.split("{i}"))
    tail = "".join(f"(?P=i){part}" for part in rest[1:])
    found = re.fullmatch(f"{first}(?P<i>[0-9]+){rest[0]}{tail}" if rest else first, name)
    return None if found is None else found.groupdict().get("i", "")


def _some(entries: Sequence[str]) -> str:
    more = len(entries) - _LISTED
    return "; ".join([*entries[:_LISTED], *([f"and {more} more"] if more > 0 else [])])


def _squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(side for side in shape if side != 1)
