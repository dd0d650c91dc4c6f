"""What each layer of a model is for.

Adapters, freezing and reports ask for roles or for layer names; nothing in whelp looks at a layer's
width or at a name that Keras made up.
"""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import keras

TRUNK = "trunk"


class Role(enum.StrEnum):
    """The part that a layer plays in a sequence model."""

    CONV = "conv"
    CONV_SEPARABLE = "conv.separable"
    CONV_TRANSPOSE = "conv.transpose"
    CONV_2D = "conv.2d"
    DENSE = "dense"
    NORM_BATCH = "norm.batch"
    NORM_LAYER = "norm.layer"
    ATTENTION = "attention"
    ATTENTION_QUERY = "attention.query"
    ATTENTION_KEY = "attention.key"
    ATTENTION_VALUE = "attention.value"
    ATTENTION_OUTPUT = "attention.output"
    ATTENTION_POSITION = "attention.position"
    FF_UP = "ff.up"
    FF_DOWN = "ff.down"
    RESIDUAL_ATTENTION = "residual.attention"
    RESIDUAL_FF = "residual.ff"
    UNET_UP = "unet.up"
    UNET_SKIP = "unet.skip"
    SCALE = "scale"
    POOL = "pool"
    EXCITE = "excite"
    CONTEXT = "context"


@dataclass(frozen=True)
class Site:
    """A named place of the model: a layer with weights, or a point where one can be inserted.

    Attributes:
      name: Stable, readable name such as `transformer_tower.3.attention.query`.
      role: What the layer is for.
      part: `"trunk"` or the name of the head that the layer belongs to.
      layer: The plain layer; `None` at an insertion point without an adapter.
      adapter: The layer that wraps it or is inserted; `None` in a plain model.
    """

    name: str
    role: Role
    part: str
    layer: keras.layers.Layer | None
    adapter: keras.layers.Layer | None = None

    @property
    def in_trunk(self) -> bool:
        """Whether the site belongs to the trunk rather than to a head."""
        return self.part == TRUNK


def select_sites(sites: Mapping[str, Site], targets: Iterable[str]) -> list[Site]:
    """Returns the trunk's sites that match roles or globs, in the order in which they were built.

    Args:
      sites: The sites of a model, by name.
      targets: Roles (`"attention.query"`), or globs over names (`"res_tower.[3-5].conv"`).

    Raises:
      ValueError: A target matches nothing; the message lists the roles and some of the names.
    """
    trunk = [site for site in sites.values() if site.in_trunk]
    chosen: set[str] = set()
    for target in targets:
        matched = {s.name for s in trunk if s.role == target or fnmatch.fnmatchcase(s.name, target)}
        if not matched:
            roles = ", ".join(sorted({str(s.role) for s in trunk}))
            names = ", ".join(s.name for s in trunk[:12])
            raise ValueError(
                f"The adapter target {target!r} matches no layer of this model. Expected a role "
                f"({roles}) or a glob over layer names ({names}, ...). `whelp inspect` lists all."
            )
        chosen |= matched
    return [site for site in trunk if site.name in chosen]
