"""Reading pretrained weights into a model that may have another head."""

from __future__ import annotations

import logging
from pathlib import Path

import keras

from whelp.loading import load_weights
from whelp.models import ALL_HEADS, TRUNK, SequenceModel, copy_tensors
from whelp.weights import WeightsError

_logger = logging.getLogger(__name__)


def read_weights(model: SequenceModel, path: str | Path, *, trunk: bool | None = None) -> bool:
    """Loads a `.h5` of the reference or a `.keras` file of whelp into a model.

    Args:
      model: The model; its head may be another than the file's.
      path: The file.
      trunk: `True` takes only the trunk, `False` wants the head too; `None` takes the head where it
        fits, else the trunk.

    Returns:
      Whether only the trunk was taken, so that the head starts from random weights.

    Raises:
      WeightsError: The file cannot be read or does not fit; nothing was changed.
    """
    path = Path(path)
    read = _read_keras if path.suffix == ".keras" else _read_h5
    if trunk is not None:
        read(model, path, trunk)
        return trunk
    try:
        read(model, path, False)
    except WeightsError:
        read(model, path, True)
        if model.head != TRUNK:
            _logger.warning(
                "%s: the head does not fit, or is not there: only the trunk was taken", path
            )
        return True
    return False


def _read_h5(model: SequenceModel, path: Path, trunk: bool) -> None:
    load_weights(model, path, trunk=trunk)


def _read_keras(model: SequenceModel, path: Path, trunk: bool) -> None:
    source = load_keras(path)
    part = TRUNK if trunk else None
    if source.wrappers:
        raise WeightsError(
            f"{path} holds adapters: expected plain weights. Merge them first, with whelp merge."
        )
    if not trunk and model.head == ALL_HEADS != source.head:
        raise WeightsError(f"{path} holds the head {source.head}, the model has all heads.")
    theirs, ours = source.tensors(part), model.tensors(part)
    for name in [*ours, *theirs]:
        expected = tuple(ours[name].shape) if name in ours else None
        found = tuple(theirs[name].shape) if name in theirs else None
        if expected != found:
            raise WeightsError(
                f"{path} does not fit the model at {name}: expected shape {expected}, found "
                f"{found}. Is it of the architecture in params.json?"
            )
    copy_tensors(source, model, part=part)


def load_keras(path: str | Path) -> SequenceModel:
    """Reads a model that whelp saved as `.keras`.

    Raises:
      WeightsError: The file is missing, damaged, or holds a model of another kind.
    """
    path = Path(path)
    if not path.exists():
        raise WeightsError(f"There is no model file {path}.")
    try:
        model = keras.models.load_model(path, compile=False)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} cannot be read as a .keras file: {error}") from error
    if not isinstance(model, SequenceModel):
        raise WeightsError(
            f"{path} holds a {type(model).__name__}: expected a model of whelp. Save the model "
            "itself, not an ensemble or a model around it."
        )
    model.spec = model.spec.located(path.parent)
    return model
