"""Predictions of variants in the layout of Baskerville's `hound_predvcf.py`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from whelp.genome.fasta import Fasta
from whelp.genome.variants import Variant
from whelp.models import SequenceModel
from whelp.predicting.settings import PredictSettings
from whelp.predicting.variants import AllelePredictor
from whelp.scoring.statistics import as_half
from whelp.scoring.table import Sizes, row_blocks
from whelp.scoring.untransform import Untransform, is_old
from whelp.specs import Target, TargetsTable

_BLOCK = 1 << 14
_NAME_SIGNS = 40


class CoverageTracks:
    """All tracks of a table, as coverage times scale.

    Args:
        targets: The tracks.
        old: Whether their targets were squashed in the old way.
    """

    def __init__(self, targets: TargetsTable, *, old: bool) -> None:
        self.targets = targets
        self._untransform = Untransform(targets, old=old)

    @property
    def rows(self) -> list[Target]:
        """The rows of the table."""
        return list(self.targets.rows)

    def __len__(self) -> int:
        return len(self.targets)

    def __call__(self, predictions: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Undo the squashing of predictions `(..., tracks)`."""
        return self._untransform(predictions)


class HoundAllelePredictor(AllelePredictor):
    """Predicts both alleles of variants into `predict.h5`, in 16-bit floats from 0.

    Args:
        model: A model with one head.
        targets: The tracks.
        fasta: The genome.
        settings: How.

    Raises:
        ScoreError: Model, targets and settings do not go together.
        SpecError: The targets table lacks what is needed to undo the squashing.
    """

    file_name = "predict.h5"

    def __init__(
        self,
        model: SequenceModel,
        targets: TargetsTable,
        fasta: Fasta,
        *,
        settings: PredictSettings,
    ) -> None:
        tracks = CoverageTracks(targets, old=is_old(model.spec, settings.old))
        super().__init__([model], tracks, fasta, settings=settings)

    def write(
        self,
        file: h5py.File,
        variants: Iterable[Variant],
        rows: npt.NDArray[Any],
        *,
        sizes: Sizes,
    ) -> None:
        """Write what `rows` made, as Baskerville does.

        The file holds `preds_ref` and `preds_alt`, float16 of shape `(variants, bins, tracks)`,
        `variant_id`, `chrom`, `pos` (bp from 1), `ref`, `alt`, and `start` and `end` of what is
        predicted.
        """
        number, _, tracks, bins = rows.shape
        for place, name in enumerate(("preds_ref", "preds_alt")):
            data = file.create_dataset(name, (number, bins, tracks), "float16")
            for part in row_blocks(rows):
                values = np.swapaxes(rows[part, place], 1, 2)
                data[part] = as_half(np.maximum(values, 0))
        signs = sizes.id + sizes.chrom + sizes.ref + sizes.alt + _NAME_SIGNS
        widths = {"chrom": sizes.chrom, "ref": sizes.ref, "alt": sizes.alt, "variant_id": signs}
        for name, width in widths.items():
            file.create_dataset(name, (number,), f"S{width}")
        for name in ("pos", "start", "end"):
            file.create_dataset(name, (number,), "int64")
        rest = iter(variants)
        for first in range(0, number, _BLOCK):
            self._describe(file, first, list(islice(rest, _BLOCK)))

    def _describe(self, file: h5py.File, first: int, block: list[Variant]) -> None:
        part = slice(first, first + len(block))
        position = np.array([variant.start + 1 for variant in block])
        columns = {
            "chrom": [variant.chrom for variant in block],
            "ref": [variant.ref for variant in block],
            "alt": [variant.alt for variant in block],
            "variant_id": [
                f"SNP({v.name}, {v.chrom}:{v.start + 1}, {v.ref}/{v.alt})" for v in block
            ],
        }
        for name, texts in columns.items():
            file[name][part] = np.array([text.encode() for text in texts])
        file["pos"][part] = position
        file["start"][part] = position - self.extent.length // 2 + self.extent.crop
        file["end"][part] = file["start"][part] + self.extent.predicted
