"""Models without weights, for questions that only shapes answer."""

from __future__ import annotations

from whelp.adapters import make_plan
from whelp.models import SequenceModel, without_values
from whelp.specs import ModelSpec, TransferSpec


def skeleton(
    spec: ModelSpec,
    *,
    head: int | str = 0,
    transfer: TransferSpec | None = None,
    dtype: str | None = None,
) -> SequenceModel:
    """Builds a model whose variables have shapes and no values: seconds and megabytes for a Borzoi.

    It can be looked at, and not called.

    Args:
      spec: The model.
      head: Index or name of a head, `"trunk"` or `"all"`.
      transfer: A transfer method, whose adapters and frozen tensors the model then has.
      dtype: Name of a dtype policy; the global one by default.

    Raises:
      ValueError: The method finds nothing to adapt.
    """
    with without_values():
        plain = SequenceModel(spec, head=head, dtype=dtype)
        if transfer is None:
            return plain
        plan = make_plan(plain, transfer)
        return SequenceModel(
            spec,
            head=head,
            wrappers=plan.wrappers,
            trainable_tensors=None if plan.everything else plan.trainable,
            transfer=transfer.given(),
            dtype=dtype,
        )
