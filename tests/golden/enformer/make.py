"""Makes the arrays of this folder with DeepMind's own code (see README.md).

    python make.py FOLDER    # with enformer.py and attention_module.py of DeepMind

Needs TensorFlow and dm-sonnet.
"""

import json
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
TYPES = ("float16", "float64", "bfloat16", "int32")
SHAPES = ((16, 12), (200, 48), (1536, 192))


def values(name, shape):
    """Random values of a variable of a checkpoint, the same whoever asks."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    last = name.rpartition("/")[2]
    if last in ("scale", "average"):
        return random.uniform(0.5, 1.5, shape).astype("float32")
    size = 0.2 if len(shape) < 2 else np.prod(shape[:-1]) ** -0.5
    return (random.normal(size=shape) * size).astype("float32")


def variable_of(model, name):
    """The variable that a checkpoint of `module=model` has under a name."""
    owner = model
    for step in name.split("/")[1:]:
        if hasattr(owner, step):
            owner = getattr(owner, step)
        else:
            owner = owner[int(step) if step.isdigit() else step]
    return owner


def main(folder):
    sys.path.insert(0, folder)
    import attention_module
    import enformer
    import sonnet as snt
    import tensorflow as tf

    features = {}
    for length, count in SHAPES:
        distances = tf.range(-length + 1, length, dtype=tf.float32)[tf.newaxis]
        made = attention_module.positional_features_all(distances, count, length)
        step = 1 if length < 1000 else 37
        features[f"L{length}_F{count}"] = made[0, ::step].numpy()
    np.savez_compressed(HERE / "features.npz", **features)

    # Smaller than the released model, which the module does not ask for.
    spaced = enformer.exponential_linspace_int
    enformer.exponential_linspace_int = lambda start, end, num, divisible_by: spaced(
        start, end, num, 8
    )
    enformer.TARGET_LENGTH = 8
    # It looks at signatures, which newer versions of Sonnet hide.
    takes_flag = (
        *(enformer.Sequential, enformer.Residual, attention_module.MultiheadAttention),
        *(snt.Dropout, snt.distribute.CrossReplicaBatchNorm),
    )
    enformer.accepts_is_training = lambda module: isinstance(module, takes_flag)
    model = enformer.Enformer(channels=96, num_transformer_layers=2, num_heads=4)
    model._heads = {
        name: enformer.Sequential(lambda n=n: [snt.Linear(n), tf.nn.softplus], name=name)
        for name, n in {"human": 7, "mouse": 3}.items()
    }
    bases = np.random.default_rng(0).integers(0, 5, (2, 128 * 16)).astype("uint8")
    sequence = np.eye(5, 4, dtype="float32")[bases]
    model(sequence, is_training=False)
    with tempfile.TemporaryDirectory() as scratch:
        path = tf.train.Checkpoint(module=model).write(f"{scratch}/checkpoint")
        shapes = dict(tf.train.list_variables(path))
    end = "/.ATTRIBUTES/VARIABLE_VALUE"
    shapes = {name.removesuffix(end): shapes[name] for name in shapes if name.endswith(end)}
    for name, shape in shapes.items():
        if shape:
            variable_of(model, name).assign(values(name, shape))
    outputs = model(sequence, is_training=False)
    trunk = model.trunk(sequence, is_training=False)
    np.savez_compressed(HERE / "model.npz", bases=bases, trunk=trunk, **outputs)
    lines = ",\n".join(f"{json.dumps(name)}: {shape}" for name, shape in sorted(shapes.items()))
    (HERE / "checkpoint.json").write_text(f"{{\n{lines}\n}}\n")

    numbers = {
        "model/float32/.ATTRIBUTES/VARIABLE_VALUE": tf.random.normal((3, 4)),
        "model/scalar/.ATTRIBUTES/VARIABLE_VALUE": tf.constant(7, tf.int64),
        "model/text/.ATTRIBUTES/VARIABLE_VALUE": tf.constant("text"),
        **{name: tf.cast(tf.random.normal((5,)) * 9, name) for name in TYPES},
        **{f"many/{n:03d}": tf.fill((1, n), float(n)) for n in range(150)},
    }
    tf.raw_ops.SaveV2(
        prefix=str(HERE / "numbers"),
        tensor_names=list(numbers),
        shape_and_slices=[""] * len(numbers),
        tensors=list(numbers.values()),
    )
    kept = {name: numbers[name] for name in list(numbers)[:2]}
    kept |= {name: tf.cast(numbers[name], "float64") for name in TYPES}
    np.savez_compressed(HERE / "numbers.npz", **{k.split("/.")[0]: v for k, v in kept.items()})


if __name__ == "__main__":
    main(sys.argv[1])
