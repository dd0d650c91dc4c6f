"""How PyTorch names and turns the tensors of layers that everybody has."""

from __future__ import annotations

from whelp.weights.porting import Change, Rule, dense_kernel

_LAYER_NORM = {"weight": "gamma", "bias": "beta"}
_BATCH_NORM = {**_LAYER_NORM, "running_mean": "moving_mean", "running_var": "moving_variance"}


def affine(source: str, target: str, kernel: Change = dense_kernel) -> list[Rule]:
    """Returns the rules of a dense layer, or with its `kernel` of a convolution, with a bias."""
    return [
        Rule(f"{source}.weight", f"{target}/kernel", kernel),
        Rule(f"{source}.bias", f"{target}/bias"),
    ]


def layer_norm(source: str, target: str) -> list[Rule]:
    """Returns the rules of a layer normalisation."""
    return [Rule(f"{source}.{a}", f"{target}/{b}") for a, b in _LAYER_NORM.items()]


def batch_norm(source: str, target: str) -> list[Rule]:
    """Returns the rules of a batch normalisation, whose counter of batches nobody needs."""
    rules = [Rule(f"{source}.{a}", f"{target}/{b}") for a, b in _BATCH_NORM.items()]
    return [*rules, Rule(f"{source}.num_batches_tracked", None)]


def relative_attention(source: str, target: str) -> list[Rule]:
    """Returns the rules of attention with Enformer's relative positions."""
    projections = {"to_q": "query", "to_k": "key", "to_v": "value", "to_rel_k": "position"}
    return [
        Rule(f"{source}.rel_content_bias", f"{target}/r_w_bias"),
        Rule(f"{source}.rel_pos_bias", f"{target}/r_r_bias"),
        *(
            Rule(f"{source}.{a}.weight", f"{target}.{b}/kernel", dense_kernel)
            for a, b in projections.items()
        ),
        *affine(f"{source}.to_out", f"{target}.output"),
    ]
