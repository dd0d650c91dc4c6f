"""Windows that variants share: the reference's clusters, and streams of any order."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whelp.genome.genes import Gene, read_genes
from whelp.genome.variant_windows import (
    Window,
    add_genes,
    cluster_variants,
    fill_windows,
    gene_windows,
    midpoint,
)
from whelp.genome.variants import Rejected, Variant, read_variants

LENGTH = 131_072
CROP = 32_768


@pytest.fixture(scope="module")
def known(golden: Path) -> dict[str, Any]:
    return json.loads((golden / "snp" / "functions" / "functions.json").read_text())


@pytest.fixture(scope="module")
def genes(golden: Path) -> list[Gene]:
    return read_genes(golden / "snp" / "inputs" / "genes.gtf")


def at(position: int, chrom: str = "chr1", row: int = 0) -> Variant:
    """A variant at a position that counts from 1."""
    return Variant(chrom, position - 1, "A", "C", ".", row)


def gene(start: int, end: int, *more: tuple[int, int], chrom: str = "chr1") -> Gene:
    return Gene(f"G{start}", "", chrom, "+", np.array([(start, end), *more]))


@pytest.mark.parametrize("share", ["0", "0.05", "0.1"])
def test_variants_are_clustered_as_by_the_reference(known: dict[str, Any], share: str) -> None:
    single = known["cluster_snps_len1000_pct0"]
    variants = [at(positions[0], chrom) for chrom, _, _, positions in single]
    found = [
        [window.chrom, window.start, window.end, [item.start + 1 for item in window.variants]]
        for window in cluster_variants(variants, length=1000, share=float(share))
    ]
    assert found == known[f"cluster_snps_len1000_pct{share}"]


def test_going_back_begins_a_new_window() -> None:
    variants = [at(500), at(520), at(480), at(490), at(485, "chr2"), at(490)]
    found = list(cluster_variants(variants, length=1000, share=0.1))
    assert [[item.start + 1 for item in window.variants] for window in found] == [
        [500, 520],
        [480, 490],
        [485],
        [490],
    ]
    assert [item for window in found for item in window.variants] == variants
    assert list(cluster_variants([], length=1000)) == []


def test_windows_come_as_soon_as_they_are_complete() -> None:
    taken: list[int] = []

    def variants() -> Any:
        for position in range(100, 10_000, 100):
            taken.append(position)
            yield at(position)

    next(cluster_variants(variants(), length=1000))
    assert taken == [100, 200]
    taken.clear()
    next(fill_windows(variants(), [Window("chr1", 0, 1000), Window("chr1", 0, 10_000)]))
    assert taken[-1] == 1100


def test_middles_of_genes_are_the_reference_s(known: dict[str, Any], genes: list[Gene]) -> None:
    wanted = {name: about["midpoint"] for name, about in known["genes"].items()}
    assert {item.identifier: midpoint(item) for item in genes} == wanted


@pytest.mark.parametrize("share", ["0", "0.2", "1.0"])
def test_genes_are_clustered_as_by_the_reference(
    known: dict[str, Any], genes: list[Gene], share: str
) -> None:
    found = [
        [
            *window[:3],
            window.start + CROP,
            window.end - CROP,
            [item.identifier for item in window.genes],
        ]
        for window in gene_windows(genes, length=LENGTH, share=float(share))
    ]
    assert found == known[f"cluster_genes_131072_pct{share}"]


def test_genes_of_several_chromosomes_do_not_share_windows() -> None:
    found = gene_windows(
        [gene(500, 600), gene(100, 200, chrom="chr2"), gene(100, 200)], length=1000, share=1
    )
    assert [(window.chrom, window.start, len(window.genes)) for window in found] == [
        ("chr1", (149 + 549) // 2 - 500, 2),
        ("chr2", 149 - 500, 1),
    ]


@pytest.mark.parametrize(("name", "share"), [("g_snps", 0.0), ("g_cluster", 0.2)])
def test_variants_meet_the_genes_that_the_reference_scores(
    golden: Path, genes: list[Gene], name: str, share: float
) -> None:
    keys = (key.split("|") for key in np.load(golden / "snp" / f"{name}.npz") if "|" in key)
    wanted = {(variant, scored) for _, variant, scored in keys}
    variants = read_variants(golden / "snp" / "inputs" / "snps_gene.vcf")
    found = set()
    for window in fill_windows(variants, gene_windows(genes, length=LENGTH, share=share)):
        assert isinstance(window, Window)
        shown = next(add_genes([window], window.genes, crop=CROP)).genes
        found |= {(item.id, held.identifier) for item in window.variants for held in shown}
    assert found == wanted


def test_variants_in_no_window_are_told() -> None:
    windows = [Window("chr1", 100, 200), Window("chr1", 150, 250)]
    variants = [at(100), at(101), at(151), at(200), at(201), at(250), at(251), at(120, "chr9")]
    found = list(fill_windows(variants, windows))
    outside = [item for item in found if isinstance(item, Rejected)]
    assert [item.position for item in outside] == ["100", "251", "120"]
    assert outside[0].reason == "it lies in none of the windows"
    held = [item for item in found if isinstance(item, Window)]
    assert [[item.start + 1 for item in window.variants] for window in held] == [
        [101, 151, 200],
        [151, 200, 201, 250],
    ]


@pytest.mark.parametrize("most", [3, 10_000])
def test_any_order_reaches_all_pairs(most: int) -> None:
    rng = np.random.default_rng(3)
    windows = [
        Window(f"chr{chrom}", int(start), int(start) + 200)
        for chrom in (1, 2)
        for start in rng.integers(-100, 3000, 15)
    ]
    variants = [
        at(int(position), f"chr{rng.integers(1, 4)}", row)
        for row, position in enumerate(rng.integers(1, 3000, 400))
    ]
    wanted = sorted(
        (item.row, window[:3])
        for item in variants
        for window in set(windows)
        if window.chrom == item.chrom and window.start <= item.start < window.end
    )
    for order in (variants, sorted(variants, key=lambda item: item[:2])):
        found = list(fill_windows(order, set(windows), most=most))
        full = [window for window in found if isinstance(window, Window)]
        pairs = [(item.row, window[:3]) for window in full for item in window.variants]
        assert sorted(pairs) == wanted
        assert max(len(window.variants) for window in full) <= most
        rejected = {item.row for item in found if isinstance(item, Rejected)}
        assert rejected == set(range(400)) - {row for row, _ in wanted}
    if most > 400:
        assert len(full) == len({window[:3] for window in full})


def test_windows_on_variants_show_genes() -> None:
    genes = [
        gene(0, 10_000),
        gene(1000, 1100),
        gene(500, 600, (2000, 2100)),
        gene(1300, 1400),
        gene(1000, 1100, chrom="chr2"),
    ]
    window = Window("chr1", 900, 1400)

    def shown(**settings: Any) -> list[int]:
        return [held.start for held in next(add_genes([window], genes, **settings)).genes]

    assert shown() == [0, 1000, 1300]
    assert shown(span=True) == [0, 500, 1000, 1300]
    assert shown(crop=100) == [0, 1000]
    assert shown(crop=200) == [0]
    assert next(add_genes([Window("chr3", 0, 10)], genes)).genes == ()
    assert next(add_genes([Window("chr1", 20_000, 30_000)], genes, span=True)).genes == ()
    assert next(add_genes([window], [])).genes == ()
