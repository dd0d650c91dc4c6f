"""Targets tables of small BigWigs whose sums a person can work out."""

import math
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from whelp.data.targets import read_targets, strand_pairs
from whelp.genome.bigwig import Step, write_bigwig
from whelp.making.samples import SampleError
from whelp.making.strands import StrandError
from whelp.making.targets_table import TargetsError, TargetsSettings, make_targets, write_targets
from whelp.making.totals import read_totals
from whelp.specs import TargetsTable

LENGTHS = {"chr1": 200_000_000, "chr2": 1_000}


@pytest.fixture
def bigwig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a BigWig of stretches of chr1 `(start, end, value)` into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, *stretches: tuple[int, int, float], lengths=LENGTHS) -> Path:
        write_bigwig(name, lengths, [Step("chr1", *stretch) for stretch in stretches])
        return Path(name)

    return write


def test_totals_of_a_bigwig(bigwig) -> None:
    totals = read_totals(bigwig("a.bw", (0, 10, 2.5), (10, 20, -1), (30, 31, 4)))
    assert (totals.total, totals.covered) == (19.0, 21)
    assert (totals.minimum, totals.maximum, totals.odd) == (-1.0, 4.0, False)
    assert totals.lengths == LENGTHS


def test_totals_leave_nan_out(bigwig) -> None:
    lengths = {"chr1": 100}
    path = bigwig("a.bw", (0, 10, 2.5), (10, 20, float("nan")), (30, 31, 4), lengths=lengths)
    totals = read_totals(path)
    assert (totals.total, totals.covered, totals.odd) == (29.0, 11, True)
    assert totals.mean == pytest.approx(0.29)


@pytest.mark.parametrize("damage", ["no summary", "infinite sum"])
def test_totals_without_a_summary_to_trust(bigwig, damage: str) -> None:
    path = bigwig("a.bw", (0, 10, 2.5), (30, 31, 4), lengths={"chr1": 100})
    content = bytearray(path.read_bytes())
    (offset,) = struct.unpack_from("<Q", content, 44)
    if damage == "no summary":
        struct.pack_into("<Q", content, 44, 0)
    else:
        struct.pack_into("<d", content, offset + 24, math.inf)
    path.write_bytes(content)
    totals = read_totals(path)
    assert (totals.total, totals.covered, totals.minimum, totals.maximum) == (29.0, 11, 2.5, 4.0)
    assert totals.odd == (damage == "infinite sum")


def test_totals_of_w5_and_bed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.w5", "w") as file:
        file["chr1"] = np.array([0, 1, 2, 0.5], dtype=np.float16)
    (tmp_path / "b.bed").write_text("chr1\t0\t10\nchr1\t5\t20\nchr2\t1\t2\n")
    assert read_totals(tmp_path / "a.w5").total == 3.5
    assert read_totals(tmp_path / "b.bed").total == 21


def test_a_pair_has_one_scale_so_that_a_fragment_counts_one(bigwig) -> None:
    bigwig("PDL20.plus.bw", (0, 100, 2), (500, 600, 1))  # sum 300
    bigwig("PDL20.minus.bw", (0, 100, 1))  # sum 100
    draft = write_targets(["PDL20.plus.bw", "PDL20.minus.bw"], "targets.txt")
    header, plus, minus = Path("targets.txt").read_text().splitlines()
    assert header.split("\t") == [
        *("", "identifier", "file", "clip", "clip_soft", "scale", "sum_stat", "strand_pair"),
        "description",
    ]
    folder = Path.cwd()
    rna = ["768", "384", "75000", "sum_sqrt"]  # 30 million / 400
    assert plus.split("\t") == [*("0", "PDL20+", f"{folder}/PDL20.plus.bw", *rna, "1", "RNA:PDL20")]
    assert minus.split("\t") == [
        *("1", "PDL20-", f"{folder}/PDL20.minus.bw", *rna, "0", "RNA:PDL20")
    ]
    assert "RNA assumed for strand pairs" in draft.notes[0] and "PDL20" in draft.notes[0]
    assert draft.notes[1].startswith("30 million fragments assumed for PDL20")
    assert len(draft.notes) == 2


def test_cpm_tracks_get_the_reference_s_scale(bigwig) -> None:
    """Of 100 bp fragments, CPM sums up to 100 million, for which the authors take 0.3."""
    bigwig("rna.fwd.bw", (0, 60_000_000, 1))
    bigwig("rna.rev.bw", (0, 40_000_000, 1))
    table = make_targets(["rna.fwd.bw", "rna.rev.bw"]).table
    assert [row.scale for row in table.rows] == [0.3, 0.3]


def test_depth_given(bigwig) -> None:
    bigwig("a.plus.bw", (0, 100, 3))
    bigwig("a.minus.bw", (0, 100, 1))
    draft = make_targets(["a.plus.bw", "a.minus.bw"], TargetsSettings(assay="rna", depth=1e6))
    assert [row.scale for row in draft.table.rows] == [2500, 2500]
    assert draft.notes == ()


def test_defaults_by_assay(bigwig) -> None:
    names = ["x_atac.bw", "x_cage.minus.bw", "x_cage.plus.bw", "x_chip.bw", "x_dnase.bw"]
    for name in (*names, "x_rna.bw", "x_H3K4me3.fc.bw"):
        bigwig(name, (0, 1000, 30))
    Path("peaks_atac.bed").write_text("chr1\t0\t10\n")
    table = make_targets([*names, "x_rna.bw", "x_H3K4me3.fc.bw", "peaks_atac.bed"]).table
    found = {
        row.identifier: (row.sum_stat, row.clip, row.clip_soft, row.scale) for row in table.rows
    }
    assert found == {
        "x_atac": ("sum", 256, 64, 1000),
        "x_cage+": ("sum", 768, 384, 500),
        "x_cage-": ("sum", 768, 384, 500),
        "x_chip": ("sum", 256, 64, 1000),
        "x_dnase": ("sum", 256, 64, 1000),
        "x_rna": ("sum_sqrt", 768, 384, 1000),
        "x_H3K4me3.fc": ("mean", 128, 32, 2),
        "peaks_atac": ("mean", 128, 32, 1),
    }
    assert table.strand_pair == [0, 2, 1, 3, 4, 5, 6, 7]
    assert [row.description for row in table.rows][:3] == ["ATAC:x_atac", *["CAGE:x_cage"] * 2]


def test_atac_of_positive_and_negative_cells_is_no_pair(bigwig) -> None:
    bigwig("atac_CD34_pos.bw", (0, 10, 1))
    bigwig("atac_CD34_neg.bw", (0, 10, 2))
    table = make_targets(["atac_CD34_pos.bw", "atac_CD34_neg.bw"]).table
    assert table.strand_pair == [0, 1]


def test_samples_and_groups_travel_on(bigwig, tmp_path: Path) -> None:
    for name in ("y1.plus.bw", "y1.minus.bw", "o1.bw", "z.bw"):
        bigwig(name, (0, 100, 1))
    samples = tmp_path / "samples.tsv"
    samples.write_text(
        "sample\tdepth\tgroup\tdescription\tassay\tlane\n"
        "y1\t2e6\tyoung\tcells, passage 20\t\t3\no1.bw\t\t\t\tDNase\t\n"
    )
    settings = TargetsSettings(samples=samples, groups=[("o*", "old"), ("y*", "never")])
    files = ["y1.plus.bw", "y1.minus.bw", "o1.bw"]
    draft = write_targets(files, "targets.txt", settings)
    assert [(row.scale, row.group) for row in draft.table.rows] == [
        (10_000, "young"),
        (10_000, "young"),
        (300_000, "old"),
    ]
    assert [row.description for row in draft.table.rows] == [
        *["RNA:cells, passage 20"] * 2,
        "DNASE:o1",
    ]
    frame = read_targets("targets.txt")
    assert list(frame["group"]) == ["young", "young", "old"]
    assert list(strand_pairs(frame)) == [1, 0, 2]
    draft = make_targets([*files, "z.bw"], TargetsSettings(assay="RNA", groups=[("y*", "young")]))
    assert "no group for o1, z" in draft.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\tdepth\na\t1\n", r"line 1: expected a header with the column 'sample'"),
        ("sample\tdepth\na\tmany\n", r"line 2: expected a depth above 0; got 'many'"),
        ("sample\tdepth\na\t-1\n", r"line 2: expected a depth above 0"),
        ("sample\tassay\na\tHiC\n", r"line 2: expected an assay of RNA, .*; got 'HiC'"),
        ("sample\na\na\n", r"line 3: 'a' stands twice"),
        ("sample\nb\n", r"names b, of which there is no track; the tracks are a"),
    ],
)
def test_faulty_samples(bigwig, text: str, message: str) -> None:
    bigwig("a.bw", (0, 100, 1))
    Path("samples.tsv").write_text(text)
    with pytest.raises(SampleError, match=message):
        make_targets(["a.bw"], TargetsSettings(assay="RNA", samples=Path("samples.tsv")))


def test_missing_files_are_listed_together(bigwig) -> None:
    bigwig("a.bw", (0, 100, 1))
    with pytest.raises(TargetsError, match=r"2 of 3 files are not there:\n  b\.bw\n  c\.bw"):
        make_targets(["a.bw", "b.bw", "c.bw"])


def test_unknown_assays_are_listed_together(bigwig) -> None:
    for name in ("a.bw", "b.bw", "c_rna.bw"):
        bigwig(name, (0, 100, 1))
    with pytest.raises(TargetsError, match=r"a\.bw, b\.bw do not tell the assay.*--assay"):
        make_targets(["a.bw", "b.bw", "c_rna.bw"])


def test_tracks_without_or_with_negative_coverage(bigwig) -> None:
    bigwig("a.plus.bw", (0, 100, 1))
    bigwig("a.minus.bw", (0, 100, -1))
    bigwig("b_rna.bw", (0, 100, 0))
    with pytest.raises(TargetsError) as error:
        make_targets(["a.plus.bw", "a.minus.bw", "b_rna.bw"])
    first, second = str(error.value).splitlines()
    assert first.startswith("a.minus.bw: the values are negative") and "-s -1" in first
    assert second.startswith("b_rna.bw: there is no coverage")


def test_doubtful_values_are_told(bigwig) -> None:
    bigwig("a_rna.bw", (0, 100, 1), (200, 210, -0.5), (300, 301, float("nan")))
    lengths = {"chr1": 1000}
    bigwig("b_rna.bw", (0, 100, 1), (200, 210, -0.5), (300, 301, float("nan")), lengths=lengths)
    notes = make_targets(["b_rna.bw"]).notes
    assert "there are negative values in b_rna; Poisson losses want none" in notes
    assert any("NaN or infinite values in b_rna" in note for note in notes)
    assert any("have 1,000 bases in all" in note for note in notes)


def test_a_table_is_not_replaced_unasked(bigwig) -> None:
    bigwig("a_rna.bw", (0, 100, 1))
    Path("targets.txt").write_text("precious")
    with pytest.raises(TargetsError, match="--force"):
        write_targets(["a_rna.bw"], "targets.txt")
    assert Path("targets.txt").read_text() == "precious"
    write_targets(["a_rna.bw"], "targets.txt", force=True)
    assert len(TargetsTable.read("targets.txt")) == 1
    assert sorted(path.name for path in Path().iterdir()) == ["a_rna.bw", "targets.txt"]


GTF = """\
chr1\tx\texon\t101\t200\t.\t+\t.\tgene_id "A";
chr1\tx\texon\t1001\t1100\t.\t-\t.\tgene_id "B";
chr1\tx\texon\t5001\t5100\t.\t+\t.\tgene_id "C";
chr1\tx\texon\t5051\t5200\t.\t-\t.\tgene_id "D";
"""


@pytest.fixture
def pairs(bigwig) -> list[str]:
    """A pair that is right, one that is flipped and one of an unstranded library."""
    Path("genes.gtf").write_text(GTF)
    bigwig("right.plus.bw", (100, 200, 8), (1000, 1100, 1), (9000, 9100, 50))
    bigwig("right.minus.bw", (100, 200, 1), (1000, 1100, 10), (5000, 5050, 2), (5100, 5200, 4))
    bigwig("wrong.plus.bw", (150, 250, 1), (1000, 1100, 9))
    bigwig("wrong.minus.bw", (150, 200, 8), (1000, 1100, 1))
    bigwig("none.plus.bw", (100, 200, 1), (1000, 1100, 1))
    bigwig("none.minus.bw", (100, 200, 1), (1000, 1100, 1))
    return [f"{name}.{strand}.bw" for name in ("right", "none") for strand in ("plus", "minus")]


def test_sense_share_by_hand(pairs: list[str]) -> None:
    draft = make_targets(pairs, TargetsSettings(genes=Path("genes.gtf")))
    right, none = draft.shares
    # Exons of one strand alone: + 100-200 and 5000-5050, - 1000-1100 and 5100-5200.
    assert (right.sense, right.antisense, right.exons) == (800 + 1000 + 400, 100 + 100 + 100, 4)
    assert right.verdict == "sense" and none.verdict == "unclear" and none.share == 0.5
    assert any("none: 50% of its coverage" in note for note in draft.notes)


def test_flipped_pairs_are_refused_and_exchanged_on_demand(pairs: list[str]) -> None:
    files = [*pairs, "wrong.plus.bw", "wrong.minus.bw"]
    genes = Path("genes.gtf")
    with pytest.raises(StrandError, match=r"look flipped.* wrong \(1\d%\).*--flip-strands"):
        write_targets(files, "targets.txt", TargetsSettings(genes=genes))
    assert not Path("targets.txt").exists()
    draft = make_targets(files, TargetsSettings(genes=genes, flip_strands=True))
    assert [Path(row.file).name for row in draft.table.rows[4:]] == [
        "wrong.minus.bw",
        "wrong.plus.bw",
    ]
    assert [row.identifier for row in draft.table.rows[4:]] == ["wrong+", "wrong-"]
    assert [share.swapped for share in draft.shares] == [False, False, True]
    assert draft.shares[2].verdict == "sense"
    assert [Path(row.file).name for row in draft.table.rows[:2]] == pairs[:2]


def test_flipping_without_genes_exchanges_all_pairs(pairs: list[str]) -> None:
    table = make_targets(pairs, TargetsSettings(flip_strands=True)).table
    assert [Path(row.file).name for row in table.rows][:2] == ["right.minus.bw", "right.plus.bw"]


def test_genes_of_other_chromosome_names(pairs: list[str]) -> None:
    Path("genes.gtf").write_text(GTF.replace("chr1", "1"))
    draft = make_targets(pairs, TargetsSettings(genes=Path("genes.gtf")))
    assert draft.shares[0].exons == 4
    told = "right: its chromosomes are not called as those of the gene annotation: chr1 was taken "
    assert f"{told}for 1" in draft.notes
    Path("genes.gtf").write_text(GTF.replace("chr1", "scaffold_7"))
    with pytest.raises(StrandError, match=r"none of its chromosomes \(chr1, chr2\).*scaffold_7"):
        make_targets(pairs, TargetsSettings(genes=Path("genes.gtf")))
