"""Scores of SNPs and genes by the pretrained mini model, against those that the reference wrote.

Within 1% of a statistic's largest value and one step of 16-bit floats, and with a correlation
above 0.9999: scores are small differences of large sums.
"""

import importlib.resources
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import whelp
from whelp.genome.fasta import Fasta
from whelp.genome.genes import read_genes
from whelp.genome.variant_windows import Window, cluster_variants, fill_windows, gene_windows
from whelp.genome.variants import Variant, read_variants
from whelp.scoring.gene_statistics import gene_bins, gene_coverage
from whelp.scoring.statistics import Allele, as_half, score
from whelp.scoring.strands import Strands
from whelp.scoring.untransform import Untransform
from whelp.specs import TargetsTable

LENGTH, BIN = 131072, 32
Predict = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def targets() -> TargetsTable:
    return TargetsTable.read(Path(__file__).parents[1] / "data" / "hg38" / "targets.txt")


@pytest.fixture(scope="module")
def predictions(predict: Callable[..., np.ndarray], targets: TargetsTable) -> Predict:
    """From indexes of bases to predictions of shape (1, bins, tracks)."""
    folder = importlib.resources.files("whelp") / "demo" / "data" / "mini_borzoi"
    model = whelp.load(Path(str(folder / "params.json")), Path(str(folder / "model.h5")))
    tracks = [row.index for row in targets.rows]
    one_hot = np.eye(5, 4, dtype=np.float32)
    return lambda sequence: predict(model, one_hot[sequence][None])[..., tracks]


@pytest.fixture(scope="module")
def genome(golden: Path):
    with Fasta(golden / "snp" / "inputs" / "hg38_1m.fa.gz") as fasta:
        yield fasta


def _alleles(genome: Fasta, window: Window, variant: Variant) -> tuple[np.ndarray, np.ndarray]:
    ref = genome.fetch(window.chrom, window.start, window.end)
    alt = ref.copy()
    place = variant.start - window.start
    assert "ACGT"[ref[place]] == variant.ref
    alt[place] = "ACGT".index(variant.alt)
    return ref, alt


def _assert_close(made: list[np.ndarray], wanted: list[np.ndarray], name: str) -> None:
    ours, theirs = (np.concatenate(part).astype(float) for part in (made, wanted))
    largest = np.float16(np.abs(theirs).max())
    limit = 0.01 * float(largest) + float(np.spacing(largest))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=limit, err_msg=name)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.9999, name


def test_snps(golden: Path, genome: Fasta, targets: TargetsTable, predictions: Predict) -> None:
    wanted = dict(np.load(golden / "snp" / "eqtl_all.npz"))
    columns = [wanted[name] for name in ("chr", "pos", "ref_allele", "alt_allele", "snp")]
    snps = [
        Variant(chrom.decode(), int(pos) - 1, ref.decode(), alt.decode(), name.decode(), row)
        for row, (chrom, pos, ref, alt, name) in enumerate(zip(*columns, strict=True))
    ]
    names = [name.removesuffix("_pct") for name in wanted if name.endswith("_pct")]
    strands, untransform = Strands.of(targets), Untransform(targets, old=False)
    made: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for window in cluster_variants(snps, length=LENGTH):
        both = _alleles(genome, window, window.variants[0])
        ref, alt = (Allele(untransform(predictions(sequence))) for sequence in both)
        for name, values in score(ref, alt, names, strands=strands).items():
            made[name].append(as_half(values))
    # The reference's is 0 throughout: with one shift, all is the same after its normalisation.
    assert not wanted.pop("logJS").any()
    assert all((values > 0).all() for values in made.pop("logJS"))
    assert len(made) == 12
    for name, values in made.items():
        _assert_close(values, list(wanted[name]), name)


def test_genes(golden: Path, genome: Fasta, targets: TargetsTable, predictions: Predict) -> None:
    wanted = dict(np.load(golden / "snp" / "g_snps.npz"))
    names = list(dict.fromkeys(key.split("|")[0] for key in wanted if "|" in key))
    inputs = golden / "snp" / "inputs"
    windows = gene_windows(read_genes(inputs / "genes.gtf"), length=LENGTH)
    strands, untransform = Strands.of(targets), Untransform(targets, old=False)
    made: dict[str, np.ndarray] = {}
    for window in fill_windows(read_variants(inputs / "snps_gene.vcf"), windows):
        assert isinstance(window, Window)
        (gene,) = window.genes
        sequences = [_alleles(genome, window, variant) for variant in window.variants]
        ref_predictions = predictions(sequences[0][0])
        shown = ref_predictions.shape[1]
        start = window.start + (LENGTH - shown * BIN) // 2
        bins = gene_bins(gene, start=start, bins=shown, width=BIN)
        if not len(bins.inside):
            continue
        cut = partial(
            gene_coverage, bins=bins, strand=gene.strand, strands=strands, untransform=untransform
        )
        ref = cut(ref_predictions)
        for variant, (_, alt) in zip(window.variants, sequences, strict=True):
            for name, values in score(ref, cut(predictions(alt)), names).items():
                made[f"{name}|{variant.id}|{gene.identifier}"] = as_half(values)
    assert set(made) == {key for key in wanted if key.count("|") == 2}
    for name in names:
        keys = [key for key in made if key.startswith(f"{name}|")]
        _assert_close([made[key] for key in keys], [wanted[key] for key in keys], name)
