"""What must happen around the import of Keras: a backend, and whelp's classes known to it.

Importing Keras costs seconds and, with TensorFlow, half a gigabyte, so `import whelp` does not do
it. It leaves a finder in `sys.meta_path` that acts when Keras is imported, by whelp or by the user:

1. If no backend was chosen, the first installed of `BACKENDS` is.
2. Keras finds a saved class by the name under which it was registered ("whelp>SequenceModel"), and
   only once the module that registers it has run. Stand-ins are registered for all names in
   `REGISTERED`; asked to rebuild an object, a stand-in imports the module, whose own registration
   takes its place. So `keras.models.load_model` works after a bare `import whelp`.
"""

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

BACKENDS = ("tensorflow", "jax", "torch")

# Keras imports them where they are installed, for wrappers and pictures that whelp does not use;
# so it does with other backends: seconds together, and a quarter of a gigabyte.
_UNUSED = ("sklearn", "matplotlib", "pandas")

REGISTERED: dict[str, tuple[str, ...]] = {
    "whelp.layers": (
        "Scale",
        "Softplus",
        "PolyReLU",
        "Exp",
        "CenterSlice",
        "CenterAverage",
        "LengthAverage",
        "MultiheadAttention",
        "RotaryAttention",
        "WheezeExcite",
        "SqueezeExcite",
        "GlobalContext",
        "SoftmaxPool1D",
        "ConcatPosition",
        "OneToTwo",
        "ConcatDist2D",
        "UpperTri",
        "Symmetrize2D",
        "FactorInverse",
        "Gelu",
    ),
    "whelp.models.sequence_model": ("SequenceModel",),
    "whelp.models.averaging": ("Ensemble", "OutputView"),
    "whelp.adapters.dora": ("Dora",),
    "whelp.adapters.houlsby": ("Houlsby",),
    "whelp.adapters.ia3": ("Ia3",),
    "whelp.adapters.locon": ("Locon",),
    "whelp.adapters.lora": ("Lora",),
    "whelp.adapters.squeeze_excite": ("SqueezeExciteAdapter",),
    "whelp.training.losses": (
        "PoissonMultinomial",
        "PoissonKL",
        "MeanSquaredErrorUDot",
        "BinaryCrossentropy",
    ),
    "whelp.training.metrics": ("PearsonR", "R2", "SeqAUC"),
    "whelp.training.optimizers": ("Adam", "AdamW", "SGD", "LossScaleOptimizer"),
    "whelp.training.schedules": ("WarmUp", "Cyclical1"),
}
"""Module -> the classes it gives and that are registered with Keras in the package "whelp"."""


def installed_backends() -> list[str]:
    """Return the Keras backends of `BACKENDS` that can be imported, in order of preference."""
    return [name for name in BACKENDS if _is_installed(name)]


def choose_backend() -> str | None:
    """Name the backend that Keras is to use, without importing it.

    Returns:
        What the environment says; else what Keras' own configuration file says, if that is
        installed or is no backend that whelp knows; else the first installed of `BACKENDS`; None
        where there is none.
    """
    wanted = os.environ.get("KERAS_BACKEND") or _configured_backend()
    if os.environ.get("KERAS_BACKEND") or (wanted and wanted not in BACKENDS):
        return wanted
    installed = installed_backends()
    # Keras writes "tensorflow" there on first use, installed or not: no choice of the user's.
    if wanted in installed:
        return wanted
    return installed[0] if installed else None


@contextmanager
def keras_alone() -> Iterator[None]:
    """Lets Keras be imported with its backend alone, and without TensorFlow's greetings.

    Within, packages that it would import for other uses, and which nobody has imported yet, seem
    not to be installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hidden = {*_UNUSED, *BACKENDS} - {choose_backend()} - set(sys.modules)
    # Python's own way to say that an import of the name fails.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def prepare_keras() -> None:
    """Arrange that Keras, when imported, has a backend and knows whelp's classes."""
    if "keras" in sys.modules:
        _register_stand_ins(sys.modules["keras"])
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _configured_backend() -> str | None:
    home = os.environ.get("KERAS_HOME")
    path = (Path(home) if home else Path("~/.keras").expanduser()) / "keras.json"
    try:
        value = json.loads(path.read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return value if isinstance(value, str) else None


class _KerasFinder(MetaPathFinder):
    """Finds nothing but Keras, once, and wraps its loader."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        backend = choose_backend()
        if backend is None:
            sys.meta_path.insert(0, self)
            raise ModuleNotFoundError(
                f"Keras needs a backend and none of {', '.join(BACKENDS)} is installed. Install one"
                " with `pip install whelp[tensorflow]` or `pip install whelp[jax]`, or name another"
                " in the environment variable KERAS_BACKEND."
            )
        spec = importlib.util.find_spec("keras")
        if spec is None or spec.loader is None:
            return None
        os.environ.setdefault("KERAS_BACKEND", backend)
        spec.loader = _RegisteringLoader(spec.loader)
        return spec


class _RegisteringLoader(Loader):
    """Loads Keras as its own loader does, then registers the stand-ins."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _register_stand_ins(module)


def _register_stand_ins(keras: ModuleType) -> None:
    known = keras.saving.get_custom_objects()
    for module, names in REGISTERED.items():
        for name in names:
            known.setdefault(f"whelp>{name}", _stand_in(module, name))


def _stand_in(module: str, name: str) -> type:
    def from_config(cls: type, config: dict[str, Any]) -> Any:
        real = getattr(importlib.import_module(module), name)
        return real.from_config(config)

    return type(name, (), {"from_config": classmethod(from_config), "__module__": module})
