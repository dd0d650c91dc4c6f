"""Writes the files of this folder with PyTorch: python make_files.py."""

import os
from collections import OrderedDict

import numpy as np
import torch
from safetensors.torch import save_file


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = torch.nn.Linear(3, 2)
        self.norm = torch.nn.BatchNorm1d(2)


class Code:
    def __reduce__(self):
        return os.system, ("touch ran",)


torch.manual_seed(0)
whole = torch.arange(24.0).reshape(2, 3, 4)
state = Net().state_dict()
tensors = OrderedDict(
    **state,
    float16=torch.randn(3, 2).half(),
    bfloat16=torch.randn(3, 2).bfloat16(),
    float64=torch.randn(2).double(),
    turned=whole.permute(2, 0, 1),
    cut=whole[1, :, 1:3],
    empty=torch.zeros(0, 3),
)
tensors._metadata = state._metadata
np.savez("values.npz", **{name: value.float().numpy() for name, value in tensors.items()})
save_file({name: value.contiguous() for name, value in tensors.items()}, "state.safetensors")
torch.save(tensors, "state.bin")
torch.save({"epoch": 3, "state_dict": tensors, "name": "x"}, "checkpoint.ckpt")
torch.save(tensors, "old.pt", _use_new_zipfile_serialization=False)
torch.save({"weight": torch.zeros(2), "extra": Code()}, "code.pt")
torch.save(Net(), "module.pt")
torch.save([1, 2], "list.pt")
torch.save({"weight": torch.zeros(2), "epoch": 3}, "mixed.pt")
