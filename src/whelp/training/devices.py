"""Several devices of one machine, and the precision of arithmetic.

Both are to be chosen before a model is built. TensorFlow: `tf.distribute.MirroredStrategy`; JAX:
`keras.distribution.DataParallel`. Every device holds all weights and takes an equal share of each
batch; gradients are averaged, then clipped. With frozen or synchronised norms and no dropout the
weights after training are those of one device with the same batches. (On TensorFlow plain batch
norms see one device's share of the batch; on JAX they see all of it.)
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import keras

from whelp.training.errors import TrainingError

if TYPE_CHECKING:
    from whelp.specs import TrainSpec

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


def available_devices() -> list[str]:
    """Name the accelerators of this machine, or its CPUs if it has none."""
    return list(keras.distribution.list_devices())


@contextmanager
def use_devices(devices: int | Sequence[str] = 1) -> Iterator[list[str]]:
    """Lay out everything built inside on several devices.

    Build the model, and train it, inside:

        with use_devices(2):
            model = whelp.load(...)
            whelp.train(model, data, spec)

    Args:
        devices: number of devices, or their names as in `available_devices`. 1 changes nothing.

    Yields:
        The names of the devices.

    Raises:
        TrainingError: if there are not so many, or the backend cannot share work among them.
    """
    there = available_devices()
    names = there[:devices] if isinstance(devices, int) else list(devices)
    wanted = devices if isinstance(devices, int) else len(names)
    if wanted < 1 or len(names) < wanted:
        raise TrainingError(
            f"{wanted} devices were asked for; this machine has {len(there)}: {', '.join(there)}"
        )
    if wanted == 1:
        yield names
        return
    with _layout(names):
        yield names


def _layout(names: list[str]) -> AbstractContextManager[Any]:
    backend = keras.backend.backend()
    if backend == "jax":
        return keras.distribution.DataParallel(devices=names).scope()
    if backend == "tensorflow":
        return _mirrored_strategy(tuple(names)).scope()
    raise TrainingError(
        f"the {backend} backend cannot train on several devices here: use tensorflow or jax, or "
        "num_gpu 1"
    )


@functools.cache
def _mirrored_strategy(names: tuple[str, ...]) -> Any:
    """Make a strategy, once a process: TensorFlow mixes up two over the same devices."""
    # With `set_tf32` the one place here that speaks to TensorFlow, and only as the backend.
    import tensorflow as tf

    return tf.distribute.MirroredStrategy([name.upper() for name in names])


def device_count(model: keras.Model) -> int:
    """Count the devices that share the batches of a model."""
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is not None:
        return int(strategy.num_replicas_in_sync)
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else int(distribution.device_mesh.devices.size)


def scope_of(model: keras.Model) -> AbstractContextManager[Any]:
    """Return the context in which variables that go with a model are to be made."""
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is not None and strategy.num_replicas_in_sync > 1:
        return strategy.scope()
    return nullcontext()


def check_layout(model: keras.Model, spec: TrainSpec, *, jit_compile: bool | str) -> None:
    """Refuse what a model's devices cannot do.

    Args:
        model: the model to train.
        spec: the training spec.
        jit_compile: whether the training step is to be compiled by XLA, or "auto".

    Raises:
        TrainingError: naming what cannot be done, and what can.
    """
    devices = device_count(model)
    if spec.num_gpu > devices:
        raise TrainingError(
            f"num_gpu is {spec.num_gpu}, but the model was built on {devices} device. Build it "
            "inside `with whelp.training.devices.use_devices(num_gpu):`"
        )
    if devices == 1 or keras.backend.backend() != "tensorflow":
        return
    if spec.gradient_accumulation > 1:
        raise TrainingError(
            "gradient_accumulation over several devices is not possible on TensorFlow: use a "
            "larger batch_size, one device, or the JAX backend (KERAS_BACKEND=jax)"
        )
    if jit_compile is True:
        raise TrainingError(
            "jit_compile=True over several devices is not possible on TensorFlow: leave it at "
            '"auto", or use the JAX backend (KERAS_BACKEND=jax)'
        )


def set_precision(policy: str = "float32", *, tf32: bool = False) -> None:
    """Choose the number types of layers made from now on, and how exact float32 is.

    Args:
        policy: "float32"; "mixed_float16" or "mixed_bfloat16" to compute in 16 bits with weights,
            norms' statistics and outputs in float32. float16 needs loss scaling, which `train`
            adds; on a CPU it is several times slower.
        tf32: let GPUs round the factors of float32 products to 10 bits, which is faster. Off,
            float32 means IEEE.

    Raises:
        ValueError: if there is no such policy.
    """
    if policy not in POLICIES:
        raise ValueError(f"unknown precision {policy!r}: expected one of {', '.join(POLICIES)}")
    keras.config.set_dtype_policy(policy)
    set_tf32(tf32)


def set_tf32(allowed: bool) -> None:
    """Say whether GPUs may shorten the factors of float32 products (TensorFloat-32)."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(allowed)
    elif backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "tensorfloat32" if allowed else "float32")
    elif backend == "torch":
        import torch

        torch.set_float32_matmul_precision("high" if allowed else "highest")


def is_float16(model: keras.Model) -> bool:
    """Say whether some layer of a model computes in float16, so that the loss must be scaled."""
    return any(layer.compute_dtype == "float16" for layer in model.layers)
