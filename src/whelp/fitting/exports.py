"""Weights in the reference's format, written after each epoch that deserves it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from keras import ops

from whelp.adapters import save_adapter
from whelp.files import atomic_path
from whelp.loading import save_weights
from whelp.models import ALL_HEADS, SequenceModel, copy_tensors

MERGED = "model_best.mergeW.h5"
ADAPTER = "adapter.safetensors"


class WeightFiles:
    """Writes a model's weights so that the `params.json` beside them loads them.

    Adapters that fold are folded; Houlsby's and squeeze-excite stay, for the reference rebuilds
    them from keys in `params.json`. A model with several heads gives one file a head. The plain
    models that are written are built once.

    Args:
      model: The model that is trained.
    """

    def __init__(self, model: SequenceModel) -> None:
        self._model = model
        self._plain: dict[str, SequenceModel] = {}
        adapters = [site.adapter for site in model.sites.values() if site.adapter is not None]
        self.folds = bool(adapters) and all(type(adapter).folds for adapter in adapters)

    @property
    def heads(self) -> Sequence[str]:
        """Names of the heads, in the order of the parameter file."""
        return list(self._model.spec.heads) if self._several else [self._model.head]

    @property
    def _several(self) -> bool:
        return self._model.head == ALL_HEADS

    def file_name(self, kind: str, head: str) -> str:
        """Names a file as the reference does: `model_best.h5`, or `model1_best.h5` of several."""
        number = str(self.heads.index(head)) if self._several else ""
        return f"model{number}_{kind}.h5"

    def single(self, head: str) -> SequenceModel:
        """Returns a model of one head that the reference can load, with the current weights."""
        if not self._several and not self.folds:
            return self._model
        if head not in self._plain:
            self._plain[head] = self._rebuilt(head)
        _fill(self._plain[head], self._model)
        return self._plain[head]

    def _rebuilt(self, head: str) -> SequenceModel:
        return SequenceModel(
            self._model.spec,
            head=head,
            wrappers=None if self.folds else self._model.wrappers,
            dtype=self._model.policy,
            name=self._model.name,
        )

    def write_best(self, folder: Path) -> None:
        """Writes the best weights, merged weights where adapters fold, and the adapter's file.

        Raises:
          OSError: The disk is full, or the folder cannot be written to.
        """
        for head in self.heads:
            best = folder / self.file_name("best", head)
            save_weights(self.single(head), best)
            if self.folds:
                merged = best.with_name(best.stem + ".mergeW.h5")
                with atomic_path(merged) as temporary:
                    shutil.copyfile(best, temporary)
        if self._model.trainable_tensors is not None:
            save_adapter(self._model, folder / ADAPTER)

    def write_check(self, folder: Path) -> None:
        """Writes the weights of the last epoch.

        Raises:
          OSError: The disk is full, or the folder cannot be written to.
        """
        for head in self.heads:
            save_weights(self.single(head), folder / self.file_name("check", head))


def _fill(target: SequenceModel, source: SequenceModel) -> None:
    """Copies weights by name, and folds adapters that the target does not have."""
    copy_tensors(source, target)
    tensors, adapters = target.tensors(), target.adapter_tensors()
    for name, variable in source.adapter_tensors().items():
        if name in adapters:
            adapters[name].assign(ops.copy(ops.convert_to_tensor(variable)))
    if adapters:
        return
    for site in source.sites.values():
        if site.adapter is not None:
            for name, value in site.adapter.merged().items():
                tensors[f"{site.name}/{name}"].assign(value)
