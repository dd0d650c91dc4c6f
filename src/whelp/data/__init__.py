"""Windows of genomes and the tracks measured over them: record files in, Keras batches out.

Nothing here needs TensorFlow: record files are read in Python and NumPy, for every backend of
Keras.
"""

from whelp.data.dataset import Dataset
from whelp.data.epochs import EpochDataset, SetEpoch
from whelp.data.errors import DataError, RecordError
from whelp.data.interleave import InterleavedDataset, interleave
from whelp.data.opening import from_arrays, open_dataset
from whelp.data.options import Batching, BatchOptions
from whelp.data.records import Window, WindowFormat, read_windows, write_windows
from whelp.data.targets import read_targets, strand_pairs

__all__ = [
    "BatchOptions",
    "Batching",
    "DataError",
    "Dataset",
    "EpochDataset",
    "InterleavedDataset",
    "RecordError",
    "SetEpoch",
    "Window",
    "WindowFormat",
    "from_arrays",
    "interleave",
    "open_dataset",
    "read_targets",
    "read_windows",
    "strand_pairs",
    "write_windows",
]
