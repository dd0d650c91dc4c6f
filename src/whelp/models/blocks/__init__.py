"""The blocks of the JSON language: a function of (graph, tensor, spec) for every name."""

from whelp.models.blocks.attention import (
    swin_transformer,
    transformer,
    transformer2,
    transformer_tower,
)
from whelp.models.blocks.convolution import (
    conv_block,
    conv_block_2d,
    conv_dna,
    conv_nac,
    conv_next,
    tconv_nac,
)
from whelp.models.blocks.dense import dense_block, dense_nac, final
from whelp.models.blocks.dilated import (
    dilated_dense,
    dilated_residual,
    dilated_residual_2d,
    dilated_residual_nac,
)
from whelp.models.blocks.rotary import rotary_tower
from whelp.models.blocks.simple import SIMPLE_BLOCKS, Block
from whelp.models.blocks.towers import (
    conv_tower,
    conv_tower_nac,
    conv_tower_v1,
    convnext_tower,
    res_tower,
)
from whelp.models.blocks.unet import unet_concat, unet_conv

_FUNCTIONS = (
    *(conv_block, conv_block_2d, conv_dna, conv_nac, conv_next, tconv_nac),
    *(conv_tower, conv_tower_nac, conv_tower_v1, convnext_tower, res_tower),
    *(dilated_dense, dilated_residual, dilated_residual_2d, dilated_residual_nac),
    *(rotary_tower, swin_transformer, transformer, transformer2, transformer_tower),
    *(dense_block, dense_nac, final, unet_concat, unet_conv),
)

BLOCK_FUNCTIONS: dict[str, Block] = {f.__name__: f for f in _FUNCTIONS} | SIMPLE_BLOCKS

__all__ = ["BLOCK_FUNCTIONS"]
