"""Putting adapters into a model, folding them into its weights, and taking them out again."""

from __future__ import annotations

import numpy as np
from keras import ops

from whelp.adapters.plan import Plan, make_plan
from whelp.models import SequenceModel, copy_tensors
from whelp.specs import TransferSpec


def adapt(model: SequenceModel, transfer: TransferSpec) -> SequenceModel:
    """Returns a new model with adapters in place; the given one is left alone.

    Its output equals the given model's where the method allows that (all but Houlsby and
    squeeze-excite, which begin within about 1e-5 of it).

    Args:
      model: A plain model.
      transfer: The method and its settings.

    Raises:
      ValueError: The model has adapters already, or the method finds nothing to adapt.
    """
    if model.wrappers:
        raise ValueError(
            f"This model already has adapters ({transfer_name(model)}). Merge them with "
            "whelp.merge, or take them out with whelp.unmerge, before adapting it again."
        )
    return insert(model, make_plan(model, transfer), transfer)


def insert(model: SequenceModel, plan: Plan, transfer: TransferSpec) -> SequenceModel:
    """Rebuilds a model with a plan's adapters, and copies the weights of the plain one."""
    adapted = SequenceModel(
        model.spec,
        head=model.head,
        wrappers=plan.wrappers,
        trainable_tensors=None if plan.everything else plan.trainable,
        transfer=transfer.given(),
        dtype=model.policy,
        blank_trunk=True,
        name=model.name,
    )
    copy_tensors(model, adapted)
    adapted.pretrained = {
        name: np.array(ops.convert_to_numpy(variable))
        for name, variable in model.tensors("trunk").items()
        if name in plan.trainable
    }
    return adapted


def merge(model: SequenceModel) -> SequenceModel:
    """Returns a plain model whose weights contain the adapters; the given one is left alone.

    Args:
      model: A model adapted by methods that fold: LoRA, DoRA, IA3, Locon. A model without adapters
        (full or linear transfer, trained norms) is copied.

    Raises:
      ValueError: An adapter does not fold: Houlsby and squeeze-excite are not linear.
    """
    fixed = [s.name for s in model.sites.values() if s.adapter and not type(s.adapter).folds]
    if fixed:
        raise ValueError(
            f"The adapters of {transfer_name(model)} cannot be merged into plain weights, because "
            f"they are not linear ({len(fixed)} of them, the first at {fixed[0]}). Save the model "
            "with whelp.save_weights: the reference rebuilds it from the adapter keys of its JSON."
        )
    merged = _plain_copy(model)
    tensors = merged.tensors()
    for site in model.sites.values():
        if site.adapter is not None:
            for name, value in site.adapter.merged().items():
                tensors[f"{site.name}/{name}"].assign(value)
    return merged


def unmerge(model: SequenceModel) -> SequenceModel:
    """Returns the plain model that an adapted one was made from, with the adapted one's head.

    The base's weights were kept as they were, so nothing is lost to rounding.

    Args:
      model: A model made by `adapt` or `load_adapter`.

    Raises:
      ValueError: The model trained parts of the trunk and was loaded from a file, which does not
        hold their pretrained values.
    """
    plain = _plain_copy(model)
    tensors = plain.tensors("trunk")
    trained = set(model.trainable_tensors or tensors) & set(tensors)
    lost = sorted(trained - set(model.pretrained))
    if lost:
        raise ValueError(
            f"The pretrained values of {len(lost)} trained tensors (the first: {lost[0]}) are not "
            "in this model. Load the base weights again instead."
        )
    for name, value in model.pretrained.items():
        tensors[name].assign(value)
    return plain


def transfer_name(model: SequenceModel) -> str:
    """Name of the method that a model was adapted by, for messages."""
    transfer = model.transfer or {}
    return str(transfer.get("adapter") or transfer.get("mode") or "unknown")


def _plain_copy(model: SequenceModel) -> SequenceModel:
    plain = SequenceModel(
        model.spec, head=model.head, dtype=model.policy, blank_trunk=True, name=model.name
    )
    copy_tensors(model, plain)
    return plain
