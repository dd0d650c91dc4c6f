"""The files of a comparison of genes, as `hound_eval_genes.py` names and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from whelp.expression.accuracy import GeneAccuracy
from whelp.expression.contrasts import Contrast
from whelp.expression.gene_plan import GenePlan
from whelp.files import atomic_path
from whelp.genome.genes import Gene

GENE_FILES = tuple(
    f"gene_{name}.tsv.gz"
    for name in ("targets", "targets_norm", "preds", "preds_norm", "within", "var")
)
"""Tables of genes x tracks: log2 coverage, the same quantile normalised, and along genes."""


def write_gene_accuracy(accuracy: GeneAccuracy, out_dir: str | Path) -> None:
    """Write the tables of a comparison.

    Those of `hound_eval_genes.py`: `gene_targets.tsv.gz` and `gene_preds.tsv.gz` (log2 coverage of
    genes x tracks), `gene_targets_norm.tsv.gz` and `gene_preds_norm.tsv.gz`, `gene_within.tsv.gz`,
    `gene_var.tsv.gz`, `task_metrics.tsv` (a row a track) and `gene_metrics.tsv` (a row a gene). And
    `genes.tsv` (what each gene is), and with contrasts `contrasts.tsv` (a row a contrast) and
    `gene_changes.tsv` (a row a gene and contrast).

    Args:
        accuracy: What to write.
        out_dir: The folder, made if it is missing.
    """
    folder = Path(out_dir)
    for name, table in accuracy.values.items():
        _write(table.rename_axis(columns=None), folder / f"gene_{name}.tsv.gz", decimals=3)
    _write(accuracy.tracks, folder / "task_metrics.tsv")
    _write(accuracy.by_gene, folder / "gene_metrics.tsv", decimals=4)
    _write(accuracy.genes, folder / "genes.tsv", decimals=4, index=False)
    if accuracy.contrasts:
        table = contrast_table(accuracy.contrasts)
        _write(table, folder / "contrasts.tsv", decimals=5, index=False)
        changes = [part.genes.assign(contrast=part.name) for part in accuracy.contrasts]
        _write(pd.concat(changes), folder / "gene_changes.tsv", decimals=4, index=False)
    else:
        for name in ("contrasts.tsv", "gene_changes.tsv"):
            (folder / name).unlink(missing_ok=True)


def contrast_table(contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """Give the numbers of contrasts, a row each; the assay is `all` where none is in common."""
    names = ("min_change", "up", "down", "pearsonr", "spearmanr", "auroc_up", "auroc_down")
    return pd.DataFrame(
        [
            {
                "a": part.a,
                "b": part.b,
                "assay": part.assay or "all",
                "tracks_a": part.tracks[0],
                "tracks_b": part.tracks[1],
                "genes": len(part.genes),
                **{name: getattr(part, name) for name in names},
            }
            for part in contrasts
        ]
    )


def write_gene_beds(plan: GenePlan, out_dir: str | Path) -> None:
    """Write `genes_all.bed`, all stretches of genes, and `genes.bed`, those that count."""
    folder = Path(out_dir)
    for name, stretches in (("genes_all.bed", plan.whole), ("genes.bed", plan.stretches)):
        with atomic_path(folder / name) as partial, partial.open("w", encoding="utf-8") as file:
            file.writelines(_bed_lines(plan.genes, stretches))


def _bed_lines(genes: Sequence[Gene], stretches: Sequence[npt.NDArray[np.int64]]) -> Iterable[str]:
    for gene, own in zip(genes, stretches, strict=True):
        for start, end in own.tolist():
            yield f"{gene.chrom}\t{start}\t{end}\t{gene.identifier}\t.\t{gene.strand}\n"


class ProfileWriter:
    """Writes measured and predicted coverage along genes: `hound_eval_genes.py --save_span`.

    Files are `gene_within/DIGIT/preds/GENE_preds.npy` and `.../targets/GENE_targets.npy`, float16
    of shape `(bins, merged tracks)`, where DIGIT is the last of the gene's identifier without its
    version. A gene at a second place is `GENE#2`.

    Args:
        out_dir: The folder in which `gene_within` is.
    """

    def __init__(self, out_dir: str | Path) -> None:
        self._folder = Path(out_dir) / "gene_within"
        self._written: dict[str, int] = {}

    def __call__(self, gene: Gene, measured: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> None:
        """Write the coverage of a gene, both `(bins, merged tracks)`."""
        name = gene.identifier
        self._written[name] = self._written.get(name, 0) + 1
        if self._written[name] > 1:
            name += f"#{self._written[name]}"
        folder = self._folder / gene.identifier.split(".")[0][-1:]
        for kind, values in (("preds", predicted), ("targets", measured)):
            path = folder / kind / f"{name.replace('/', '_')}_{kind}.npy"
            with np.errstate(over="ignore"), atomic_path(path, durable=False) as partial:
                np.save(partial, values.astype(np.float16))


def _write(
    table: pd.DataFrame, path: Path, *, decimals: int | None = None, index: bool = True
) -> None:
    compression: Any = {"method": "gzip", "mtime": 0} if path.suffix == ".gz" else None
    with atomic_path(path) as partial:
        table.to_csv(
            partial,
            sep="\t",
            index=index,
            float_format=None if decimals is None else f"%.{decimals}f",
            compression=compression,
        )
