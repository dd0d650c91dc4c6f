"""Layers of sequence-to-function models, one idea a file, for any Keras backend."""

from whelp.layers.activation import activation_layer
from whelp.layers.attention import MultiheadAttention
from whelp.layers.center_average import CenterAverage
from whelp.layers.center_slice import CenterSlice
from whelp.layers.concat_dist import ConcatDist2D
from whelp.layers.concat_position import ConcatPosition
from whelp.layers.exp import Exp
from whelp.layers.factor_inverse import FactorInverse
from whelp.layers.gelu import Gelu
from whelp.layers.global_context import GlobalContext
from whelp.layers.length_average import LengthAverage
from whelp.layers.one_to_two import OneToTwo
from whelp.layers.polyrelu import PolyReLU
from whelp.layers.rotary_attention import RotaryAttention
from whelp.layers.scale import Scale
from whelp.layers.softmax_pool import SoftmaxPool1D
from whelp.layers.softplus import Softplus
from whelp.layers.squeeze_excite import SqueezeExcite
from whelp.layers.symmetrize import Symmetrize2D
from whelp.layers.upper_tri import UpperTri
from whelp.layers.wheeze_excite import WheezeExcite

__all__ = [
    "CenterAverage",
    "CenterSlice",
    "ConcatDist2D",
    "ConcatPosition",
    "Exp",
    "FactorInverse",
    "Gelu",
    "GlobalContext",
    "LengthAverage",
    "MultiheadAttention",
    "OneToTwo",
    "PolyReLU",
    "RotaryAttention",
    "Scale",
    "SoftmaxPool1D",
    "Softplus",
    "SqueezeExcite",
    "Symmetrize2D",
    "UpperTri",
    "WheezeExcite",
    "activation_layer",
]
