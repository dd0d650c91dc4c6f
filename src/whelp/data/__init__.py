"""Windows of genomes and the tracks measured over them: record files in, Keras batches out.

Nothing here needs TensorFlow: record files are read in Python and NumPy, for every backend of
Keras. The names are imported when first used: processes that write records need neither Keras nor
pandas, and start quickly without them.
"""

from typing import TYPE_CHECKING

from whelp.lazy import lazy_names

if TYPE_CHECKING:
    from whelp.data.dataset import Dataset as Dataset
    from whelp.data.epochs import EpochDataset as EpochDataset
    from whelp.data.epochs import SetEpoch as SetEpoch
    from whelp.data.errors import DataError as DataError
    from whelp.data.errors import RecordError as RecordError
    from whelp.data.interleaving import InterleavedDataset as InterleavedDataset
    from whelp.data.interleaving import interleave as interleave
    from whelp.data.opening import from_arrays as from_arrays
    from whelp.data.opening import open_dataset as open_dataset
    from whelp.data.options import Batching as Batching
    from whelp.data.options import BatchOptions as BatchOptions
    from whelp.data.records import Window as Window
    from whelp.data.records import WindowFormat as WindowFormat
    from whelp.data.records import read_windows as read_windows
    from whelp.data.records import write_windows as write_windows
    from whelp.data.targets import read_targets as read_targets
    from whelp.data.targets import strand_pairs as strand_pairs

_LAZY = {
    "BatchOptions": "options",
    "Batching": "options",
    "DataError": "errors",
    "Dataset": "dataset",
    "EpochDataset": "epochs",
    "InterleavedDataset": "interleaving",
    "RecordError": "errors",
    "SetEpoch": "epochs",
    "Window": "records",
    "WindowFormat": "records",
    "from_arrays": "opening",
    "interleave": "interleaving",
    "open_dataset": "opening",
    "read_targets": "targets",
    "read_windows": "records",
    "strand_pairs": "targets",
    "write_windows": "records",
}
"""Public name -> the module of this package that defines it."""

__all__ = list(_LAZY)

__getattr__, __dir__ = lazy_names(__name__, _LAZY)
