"""A sequence-to-function model: the graph that a JSON spec describes, as a Keras model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from whelp.models.blocks import BLOCK_FUNCTIONS
from whelp.models.builder import GraphBuilder
from whelp.models.roles import TRUNK, Role, Site
from whelp.specs import Block, ModelSpec, SpecError, load_params, placed

ALL_HEADS = "all"


@keras.saving.register_keras_serializable("whelp")
class SequenceModel(keras.Model):
    """Predicts tracks along a sequence of DNA.

    The model is a pure function of its input: augmentation and averaging over strands happen in
    the input pipeline and in `whelp.ensemble`. `keras.models.load_model` rebuilds it from its
    spec, so adapters and frozen layers survive saving.

    Args:
      spec: The `model` section of a `params.json`, parsed or as a mapping.
      head: Index or name of a head; `"trunk"` for the trunk's output; `"all"` for all heads.
      wrappers: Adapter descriptions by site name, see `whelp.models.builder.make_adapter`.
      trainable_tensors: Names of the base tensors that train; all of them by default. A layer
        without any is frozen, so that batch norms keep their statistics.
      transfer: The `transfer` section that the adapters came from; kept for files and messages.
      dtype: Name of the dtype policy; the global one by default.
      blank_trunk: Start the trunk from zeros, because its weights will be loaded.
      **kwargs: Further arguments of `keras.Model` (`name`).

    Attributes:
      spec: The spec.
      head: Name of the head, `"trunk"` or `"all"`.
      sites: Layers with weights and insertion points by name, in the order of construction.
      stride: Width of an output bin in bp.
      target_length: Bins of the output.
      crop: Bins cut from each side before the output.
      upper_triangle: Whether outputs are unrolled upper triangles of a map.
      transfer: The `transfer` section that the adapters came from, or `None`.
      pretrained: Values that tensors of the trunk which train had before; not saved.

    Call arguments:
      sequence: One-hot DNA, `(batch, seq_length, 4)`; N is a row of zeros.

    Returns:
      `(batch, bins, tracks)` in float32; for `"all"` a dict of them by head name.
    """

    def __init__(
        self,
        spec: ModelSpec | Mapping[str, Any],
        *,
        head: int | str = 0,
        wrappers: Mapping[str, Mapping[str, Any]] | None = None,
        trainable_tensors: Iterable[str] | None = None,
        transfer: Mapping[str, Any] | None = None,
        dtype: str | None = None,
        blank_trunk: bool = False,
        **kwargs: Any,
    ) -> None:
        if not isinstance(spec, ModelSpec):
            spec = load_params({"model": dict(spec)}).model
        policy = dtype or keras.config.dtype_policy().name
        graph = GraphBuilder(wrappers, policy, blank_trunk=blank_trunk)
        head_name = head if head in (TRUNK, ALL_HEADS) else spec.head_name(head)
        sequence = keras.Input((spec.seq_length, 4), name="sequence")
        trunk = build_trunk(graph, sequence, spec)
        names = list(spec.heads) if head_name == ALL_HEADS else [head_name]
        outputs = {n: trunk if n == TRUNK else build_head(graph, trunk, spec, n) for n in names}
        outputs = {n: _float32(graph, y) for n, y in outputs.items()}
        self._check_wrappers(graph, wrappers)
        single = next(iter(outputs.values()))
        super().__init__(
            inputs=sequence, outputs=outputs if head_name == ALL_HEADS else single, **kwargs
        )
        self.spec = spec
        self.head = head_name
        self.sites = graph.sites
        self.stride = int(graph.stride)
        self.target_length = int(single.shape[1])
        self.crop = max(0, spec.seq_length // self.stride - self.target_length) // 2
        self.upper_triangle = graph.upper_triangle or _has_upper_triangle(spec, names)
        self._wrappers = {name: dict(wrapper) for name, wrapper in (wrappers or {}).items()}
        self.transfer = None if transfer is None else dict(transfer)
        self.pretrained: dict[str, Any] = {}
        self._policy = policy
        self._trainable_tensors = None if trainable_tensors is None else sorted(trainable_tensors)
        if self._trainable_tensors is not None:
            self._freeze(set(self._trainable_tensors))

    @staticmethod
    def _check_wrappers(graph: GraphBuilder, wrappers: Mapping | None) -> None:
        unknown = sorted(set(wrappers or {}) - set(graph.sites))
        if unknown:
            raise ValueError(
                f"Adapters are planned for layers that this model does not have: {unknown[:5]}. "
                "The adapter belongs to another architecture; use the spec it was made for."
            )

    @property
    def wrappers(self) -> dict[str, dict[str, Any]]:
        """Adapter descriptions by site name; empty for a plain model."""
        return {name: dict(wrapper) for name, wrapper in self._wrappers.items()}

    @property
    def policy(self) -> str:
        """Name of the dtype policy that the layers were made with."""
        return self._policy

    @property
    def trainable_tensors(self) -> list[str] | None:
        """Names of the base tensors that train, or `None` where nothing was frozen."""
        return None if self._trainable_tensors is None else list(self._trainable_tensors)

    def tensors(self, part: str | None = None) -> dict[str, keras.Variable]:
        """Returns the weights of the plain layers by `layer/variable`, in order of construction.

        The names are those of the model without adapters, so tensors of an adapted and of a plain
        model correspond by name.

        Args:
          part: `"trunk"` or a head's name, to have only that part's.
        """
        return {
            f"{site.name}/{name}": variable
            for site, own, _ in self._ownership()
            if part in (None, site.part)
            for name, variable in own.items()
        }

    def adapter_tensors(self) -> dict[str, keras.Variable]:
        """Returns the weights that adapters added, by `site/variable`."""
        return {
            f"{site.name}/{name}": variable
            for site, _, added in self._ownership()
            for name, variable in added.items()
        }

    def _ownership(self) -> list[tuple[Site, dict, dict]]:
        """Assigns each weight to one site: the inner layers of attention come before it."""
        claimed: set[int] = set()

        def claim(layer: keras.layers.Layer | None) -> dict[str, keras.Variable]:
            own = [] if layer is None else [v for v in layer.weights if id(v) not in claimed]
            claimed.update(id(v) for v in own)
            return {_relative_name(v, layer): v for v in own}

        return [(site, claim(site.layer), claim(site.adapter)) for site in self.sites.values()]

    def _freeze(self, trainable: set[str]) -> None:
        unknown = sorted(trainable - set(self.tensors()))
        if unknown:
            raise ValueError(f"This model has no tensors {unknown[:5]}; it cannot train them.")
        for site, own, _ in self._ownership():
            if site.layer is None:
                continue
            chosen = {name for name in own if f"{site.name}/{name}" in trainable}
            # A frozen container would hide the adapters inside it: attention freezes by variable.
            if site.role != Role.ATTENTION:
                site.layer.trainable = bool(chosen)
            for name, variable in own.items():
                if not name.startswith("moving_"):
                    variable.trainable = name in chosen

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that rebuild this model."""
        return {
            "spec": self.spec.given(),
            "head": self.head,
            "wrappers": self.wrappers,
            "trainable_tensors": self.trainable_tensors,
            "transfer": self.transfer,
            "dtype": self._policy,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> SequenceModel:
        """Rebuilds the model from its spec, with its adapters and what it trains."""
        config = dict(config)
        return cls(config.pop("spec"), **config)


def build_trunk(
    graph: GraphBuilder, sequence: keras.KerasTensor, spec: ModelSpec
) -> keras.KerasTensor:
    """Builds the shared body of a model, from one-hot DNA to the input of the heads.

    Args:
      graph: The graph under construction.
      sequence: `(batch, seq_length, 4)`.
      spec: The model's spec.

    Returns:
      `(batch, bins, channels)`, after the trunk's final activation.

    Raises:
      SpecError: A block does not fit what is before it.
    """
    blocks = spec.trunk_blocks()
    total, seen = Counter(block.name for block in blocks), Counter[str]()
    x = sequence
    for index, block in enumerate(blocks):
        seen[block.name] += 1
        numbered = f"{block.name}_{seen[block.name]}"
        with graph.scope(numbered if total[block.name] > 1 else block.name):
            x = _build_block(graph, x, block, f"model.trunk[{index}]")
        graph.save(x)
    with graph.scope(TRUNK):
        return graph.activate(x, spec.activation)


def build_head(
    graph: GraphBuilder, trunk: keras.KerasTensor, spec: ModelSpec, name: str
) -> keras.KerasTensor:
    """Builds one head on the trunk's output.

    Args:
      graph: The graph under construction.
      trunk: `(batch, bins, channels)`.
      spec: The model's spec.
      name: Name of the head.

    Returns:
      `(batch, bins, tracks)`.

    Raises:
      SpecError: A block does not fit what is before it.
    """
    x = trunk
    blocks = spec.head_blocks(name)
    with graph.part(name):
        for index, block in enumerate(blocks):
            place = f"model.{name}[{index}]" if len(blocks) > 1 else f"model.{name}"
            x = _build_block(graph, x, block, place)
    return x


def _build_block(
    graph: GraphBuilder, x: keras.KerasTensor, block: Block, place: str
) -> keras.KerasTensor:
    """Builds a block; says where it stands in the parameter file if it does not fit its input."""
    with placed(place):
        try:
            return BLOCK_FUNCTIONS[block.name](graph, x, block)
        except ValueError as error:
            # Faults of adapters are the transfer section's: a plain model was built before.
            if isinstance(error, SpecError) or graph.wrappers:
                raise
            shape = " x ".join(map(str, x.shape[1:]))
            raise SpecError(
                f"a {block.name} that takes its input of {shape}",
                value=block.given(),
                problem=str(error).strip().partition("\n")[0],
            ) from error


def copy_tensors(source: SequenceModel, target: SequenceModel, *, part: str | None = None) -> None:
    """Copies the base tensors of one model into another of the same architecture, by name.

    Args:
      source: The model to copy from.
      target: The model to copy to; tensors that only one of the two has are left alone.
      part: `"trunk"` or a head's name, to copy only that part.
    """
    values = source.tensors(part)
    for name, variable in target.tensors(part).items():
        if name in values:
            # A copy: under JAX two variables would share one array, which training one of the
            # models gives away.
            variable.assign(ops.copy(ops.convert_to_tensor(values[name])))


def _float32(graph: GraphBuilder, x: keras.KerasTensor) -> keras.KerasTensor:
    if x.dtype == "float32":
        return x
    return graph.layer(keras.layers.Activation, "float32", activation="linear", dtype="float32")(x)


def _has_upper_triangle(spec: ModelSpec, heads: list[str]) -> bool:
    return any(
        block.name == "upper_tri"
        for name in heads
        if name != TRUNK
        for block in spec.head_blocks(name)
    )


def _relative_name(variable: keras.Variable, layer: keras.layers.Layer) -> str:
    """Name of a variable within its layer, through the named sublayers: `down/kernel`."""
    _, found, tail = variable.path.rpartition(f"{layer.name}/")
    return tail if found else variable.name
