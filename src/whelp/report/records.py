"""What a report is made of: plain tables and arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class TrackSlice:
    """Measured and predicted values of one track in one window.

    Attributes:
        identifier: name of the track in the targets table.
        description: its description; what stands before the first colon is the assay.
        measured: values of the bins, (bins,), in the transformed space.
        predicted: the same for the prediction.
        pearsonr: their correlation in this window.
    """

    identifier: str
    description: str
    measured: np.ndarray
    predicted: np.ndarray
    pearsonr: float


@dataclass(frozen=True)
class WindowExample:
    """One window chosen to be looked at.

    Attributes:
        label: why it was chosen, such as `best`, `median` or `worst`.
        chrom: contig.
        start: start of the first bin in bp, 0-based.
        bin_width: bp a bin.
        pearsonr: mean over all tracks of the correlation in this window.
        tracks: the tracks to be shown.
    """

    label: str
    chrom: str
    start: int
    bin_width: int
    pearsonr: float
    tracks: Sequence[TrackSlice]


@dataclass(frozen=True)
class ScatterSample:
    """A sample of one track's bins over all windows.

    Attributes:
        identifier: name of the track in the targets table.
        description: its description.
        measured: values of the sampled bins, (positions,), in the transformed space.
        predicted: the same for the prediction.
        pearsonr: correlation over all bins, not only the sampled ones.
    """

    identifier: str
    description: str
    measured: np.ndarray
    predicted: np.ndarray
    pearsonr: float


@dataclass(frozen=True, eq=False)
class ContrastSummary:
    """The log2 fold change of genes between two groups of tracks.

    Attributes:
        name: what is compared, such as `liver:blood (RNA)`.
        genes: one row a gene: `measured` and `predicted` log2 fold change.
        min_change: measured change from which on a gene counts as up, or down.
        up: number of genes that are up.
        down: number of genes that are down.
        pearsonr: correlation of predicted and measured change.
        spearmanr: the same of ranks.
        auroc_up: area under the ROC curve of the genes that are up against all others.
        auroc_down: the same of those that are down.
    """

    name: str
    genes: pd.DataFrame
    min_change: float
    up: int
    down: int
    pearsonr: float
    spearmanr: float
    auroc_up: float
    auroc_down: float


@dataclass(frozen=True, eq=False)
class GeneSummary:
    """How well the expression of genes is predicted.

    Attributes:
        genes: number of genes.
        tracks: one row a track: `identifier`, `group`, and the correlations `pearsonr` (across
            genes), `pearsonr_norm` (beyond the group) and `pearsonr_gene` (along genes).
        contrasts: changes between groups.
        reaching: number of genes of which a part lies in training windows.
    """

    genes: int
    tracks: pd.DataFrame
    contrasts: Sequence[ContrastSummary] = ()
    reaching: int = 0


@dataclass(frozen=True)
class RunSummary:
    """One training run, or one method of a comparison; give what there is.

    Attributes:
        name: what it is called, such as `LoRA`.
        facts: what was done, for the table *How this was made*: command, files, seed, versions.
        note: a remark for the comparison table, such as `3 epochs only`.
        trained_parameters: parameters that training moved.
        total_parameters: parameters of the model.
        seconds: wall time of training.
        peak_memory: highest resident memory in bytes.
        valid_pearsonr: mean over tracks on the validation windows, at the best epoch.
        history: one row an epoch: `epoch`, `loss`, `pearsonr`, `r2` and the same with `val_`
            before it, as the CSV log has them; columns may be missing.
        best_epoch: the epoch whose weights were kept, as it stands in `history`.
        accuracy: one row a track, as `whelp.evaluate` gives it.
        split: the windows that `accuracy` is about.
        examples: windows to look at.
        scatter: tracks to draw as measured against predicted.
        genes: how well the expression of genes is predicted.
    """

    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    trained_parameters: int | None = None
    total_parameters: int | None = None
    seconds: float | None = None
    peak_memory: float | None = None
    valid_pearsonr: float | None = None
    history: pd.DataFrame | None = None
    best_epoch: int | None = None
    accuracy: pd.DataFrame | None = None
    split: str = "test"
    examples: Sequence[WindowExample] = ()
    scatter: Sequence[ScatterSample] = ()
    genes: GeneSummary | None = None

    def mean(self, number: str) -> float | None:
        """Mean of a column of `accuracy` over the tracks where it is defined."""
        if self.accuracy is None or number not in self.accuracy:
            return None
        return float(self.accuracy[number].mean())

    @property
    def epochs(self) -> int | None:
        """Number of epochs trained."""
        return None if self.history is None else len(self.history)
