"""Which layers a transfer method adapts, and which tensors it trains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from whelp.models import Role, SequenceModel, Site, select_sites
from whelp.specs import TransferSpec

Wrapper = dict[str, Any]

_RESIDUALS = (Role.RESIDUAL_ATTENTION, Role.RESIDUAL_FF)
_CONVS = (Role.CONV, Role.CONV_TRANSPOSE)
_BIASES = ("bias", "beta", "gamma", "r_w_bias", "r_r_bias")


@dataclass
class Plan:
    """What a transfer method does to a model.

    Attributes:
      wrappers: Adapter descriptions by site name, as `SequenceModel` takes them.
      trainable: Names of the base tensors that train.
      everything: Whether all tensors train, whatever `trainable` says.
    """

    wrappers: dict[str, Wrapper] = field(default_factory=dict)
    trainable: set[str] = field(default_factory=set)
    everything: bool = False


def make_plan(model: SequenceModel, transfer: TransferSpec) -> Plan:
    """Plans the transfer of a model: its adapters and what trains.

    Args:
      model: A plain model.
      transfer: The method and its settings.

    Raises:
      ValueError: The method finds no layer of the kind that it adapts, or too few.
    """
    if transfer.mode == "full":
        return Plan(everything=True)
    plan = Plan()
    if transfer.adapter is not None:
        _METHODS[transfer.adapter](model, transfer, plan)
    plan.trainable |= {
        name
        for part in {site.part for site in model.sites.values() if not site.in_trunk}
        for name in model.tensors(part)
    }
    return plan


def _lora(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    _wrap(plan, _targets(model, t, Role.ATTENTION_QUERY, Role.ATTENTION_VALUE), _low_rank(t))


def _lora_full(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    roles = (Role.ATTENTION_QUERY, Role.ATTENTION_KEY, Role.ATTENTION_VALUE, Role.ATTENTION_OUTPUT)
    _wrap(plan, _targets(model, t, *roles), _low_rank(t))


def _lora_conv(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    _lora(model, t, plan)
    for site in _last_convolutions(model, t):
        plan.trainable |= _tensors(model, site)


def _dora(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    sites = _targets(model, t, Role.ATTENTION_QUERY, Role.ATTENTION_VALUE)
    _wrap(plan, sites, _wrapper("dora", "Dora", rank=t.adapter_latent, alpha=t.lora_alpha))


def _ia3(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    """Scales keys and values, and the input of the feed-forward down-projection (Liu et al. 2022).

    The down-projection is found by its role, whatever its width.
    """
    sites = _targets(model, t, Role.ATTENTION_KEY, Role.ATTENTION_VALUE, Role.FF_DOWN)
    for site in sites:
        _wrap(plan, [site], _wrapper("ia3", "Ia3", scale_input=site.role == Role.FF_DOWN))


def _locon(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    """LoRA in attention and low-rank updates of the last convolutions.

    Asked for all convolutions, the first one, on DNA, is trained as a whole instead, as in the
    reference: its kernel is no larger than its adapter.
    """
    if t.targets:
        _wrap(plan, _targets(model, t), _low_rank_conv(t))
        return
    _lora(model, t, plan)
    chosen = _last_convolutions(model, t)
    if chosen and len(chosen) == len(_convolutions(model)):
        plan.trainable |= _tensors(model, chosen[0])
        chosen = chosen[1:]
    _wrap(plan, chosen, _low_rank_conv(t))


def _houlsby(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    _wrap(plan, _targets(model, t, *_RESIDUALS), _bottleneck(t))
    _train_norms(model, plan)


def _houlsby_se(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    _houlsby(model, t, plan)
    chosen = _last_convolutions(model, t)
    if chosen and len(chosen) == len(_convolutions(model)):
        chosen = chosen[1:]
    _wrap(plan, chosen, _excitation(t))


def _norm_bias(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    """Norms and biases only (BitFit, Ben Zaken et al. 2022)."""
    plan.trainable |= {
        name for name in model.tensors("trunk") if name.rpartition("/")[2] in _BIASES
    }


def _last_blocks(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    """All tensors of the last transformer blocks."""
    names = [s.name for s in model.sites.values() if s.role == Role.ATTENTION and s.in_trunk]
    blocks = [name.rpartition(".")[0] for name in names]
    wanted = t.blocks or 1
    if wanted > len(blocks):
        raise ValueError(
            f"transfer.blocks asks for the last {wanted} transformer blocks; the model has "
            f"{len(blocks)}. Give at most that many."
        )
    for block in blocks[-wanted:]:
        plan.trainable |= {n for n in model.tensors("trunk") if n.startswith(f"{block}.")}


def _custom(model: SequenceModel, t: TransferSpec, plan: Plan) -> None:
    """One adapter method at free targets."""
    sites = _targets(model, t)
    for site in sites:
        scaled = _wrapper("ia3", "Ia3", scale_input=site.role == Role.FF_DOWN)
        kinds = {
            "lora": _low_rank_conv(t) if site.role in _CONVS else _low_rank(t),
            "dora": _wrapper("dora", "Dora", rank=t.adapter_latent, alpha=t.lora_alpha),
            "ia3": scaled,
            "locon": _low_rank_conv(t),
            "houlsby": _bottleneck(t),
            "squeeze_excite": _excitation(t),
        }
        _wrap(plan, [site], kinds[t.method or "lora"])
    if t.method == "houlsby":
        _train_norms(model, plan)


_METHODS = {
    "lora": _lora,
    "lora_full": _lora_full,
    "lora_conv": _lora_conv,
    "dora": _dora,
    "ia3": _ia3,
    "locon": _locon,
    "houlsby": _houlsby,
    "houlsby_se": _houlsby_se,
    "norm_bias": _norm_bias,
    "last_blocks": _last_blocks,
    "custom": _custom,
}


def _wrapper(module: str, cls: str, **config: Any) -> Wrapper:
    return {"module": f"whelp.adapters.{module}", "class_name": cls, "config": config}


def _low_rank(t: TransferSpec) -> Wrapper:
    return _wrapper(
        "lora", "Lora", rank=t.adapter_latent, alpha=t.lora_alpha, rank_stabilized=t.rslora
    )


def _low_rank_conv(t: TransferSpec) -> Wrapper:
    return _wrapper("locon", "Locon", rank=t.conv_latent, alpha=t.locon_alpha)


def _bottleneck(t: TransferSpec) -> Wrapper:
    return _wrapper("houlsby", "Houlsby", latent=t.adapter_latent)


def _excitation(t: TransferSpec) -> Wrapper:
    return _wrapper("squeeze_excite", "SqueezeExciteAdapter", rank=t.conv_latent)


def _wrap(plan: Plan, sites: Iterable[Site], wrapper: Mapping[str, Any]) -> None:
    inserted = wrapper["class_name"] == "Houlsby"
    for site in sites:
        if inserted != (site.layer is None):
            kind = "residual.attention or residual.ff" if inserted else "a layer with weights"
            raise ValueError(
                f"{wrapper['class_name']} cannot be put at {site.name} ({site.role}): it wants "
                f"{kind}. Choose other targets or another method."
            )
        plan.wrappers[site.name] = dict(wrapper)


def _targets(model: SequenceModel, t: TransferSpec, *roles: Role) -> list[Site]:
    """The sites that the user names, or those of the method's own roles.

    Raises:
      ValueError: There are none.
    """
    if t.targets:
        return select_sites(model.sites, t.targets)
    sites = [s for s in model.sites.values() if s.in_trunk and s.role in roles]
    missing = sorted(set(map(str, roles)) - {str(s.role) for s in sites})
    if not sites or (missing and t.adapter == "ia3"):
        present = ", ".join(sorted({str(s.role) for s in model.sites.values()}))
        raise ValueError(
            f"transfer.adapter {t.adapter!r} adapts layers of the roles "
            f"{', '.join(map(str, roles))}; this model has no {', '.join(missing)}. It has "
            f"{present}. Choose another method, or name targets."
        )
    return sites


def _convolutions(model: SequenceModel) -> list[Site]:
    """The standard 1-D convolutions of the model, in the order of the graph."""
    by_layer = {id(s.layer): s for s in model.sites.values() if s.role in _CONVS and s.in_trunk}
    return [by_layer[id(layer)] for layer in model.layers if id(layer) in by_layer]


def _last_convolutions(model: SequenceModel, t: TransferSpec) -> list[Site]:
    """The convolutions that `conv_select` names, counted from the end of the graph.

    Raises:
      ValueError: The model has fewer.
    """
    sites = _convolutions(model)
    if t.conv_select == "all":
        return sites
    if t.conv_select > len(sites):
        raise ValueError(
            f"transfer.conv_select asks for the last {t.conv_select} convolutions; the model has "
            f"{len(sites)}: {', '.join(s.name for s in sites)}. Give at most that many, or 'all'."
        )
    return sites[len(sites) - t.conv_select :]


def _train_norms(model: SequenceModel, plan: Plan) -> None:
    """Layer norms train beside Houlsby adapters; batch norms stay as they were pretrained."""
    for site in model.sites.values():
        if site.role == Role.NORM_LAYER and site.in_trunk:
            plan.trainable |= _tensors(model, site)


def _tensors(model: SequenceModel, site: Site) -> set[str]:
    return {name for name in model.tensors(site.part) if name.startswith(f"{site.name}/")}
