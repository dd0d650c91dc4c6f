"""Strand pairs and assays by the names of files."""

from pathlib import Path

import pytest

from whelp.making.assays import guess_assay, is_signal
from whelp.making.strands import StrandError, pair_strands


def _pairs(*names: str, **options) -> list[tuple[str, list[str]]]:
    tracks, _ = pair_strands(names, **options)
    return [(track.name, [str(file) for file in track.files]) for track in tracks]


@pytest.mark.parametrize(
    ("plus", "minus", "name"),
    [
        ("a+.bw", "a-.bw", "a"),
        ("a_+.bw", "a_-.bw", "a"),
        ("a.plus.bw", "a.minus.bw", "a"),
        ("a.Plus.bigWig", "a.Minus.bw", "a"),
        ("a_pos.w5", "a_neg.w5", "a"),
        ("a_positive.bw", "a_negative.bw", "a"),
        ("a.fwd.rep1.bw", "a.rev.rep1.bw", "a.rep1"),
        ("a-forward.bw", "a-reverse.bw", "a"),
        ("a_fw.bw", "a_rv.bw", "a"),
        ("forward_a.bw", "reverse_a.bw", "a"),
        ("a.plus_strand.bw", "a.minus_strand.bw", "a"),
        ("a_Signal.Unique.str2.out.bw", "a_Signal.Unique.str1.out.bw", "a_Signal.Unique.out"),
        ("CD4+.fwd.bw", "CD4+.rev.bw", "CD4+"),
        ("A.fwd.pos.bw", "A.rev.pos.bw", "A.pos"),
    ],
)
def test_pairs(plus: str, minus: str, name: str) -> None:
    assert _pairs(minus, plus) == [(name, [plus, minus])]


def test_signs_of_cells_are_no_strands_where_there_is_a_clearer_word() -> None:
    names = ["CD4+.fwd.bw", "CD4+.rev.bw", "CD4-.fwd.bw", "CD4-.rev.bw"]
    assert _pairs(*names) == [("CD4+", names[:2]), ("CD4-", names[2:])]
    crossed = ["A.fwd.pos.bw", "A.rev.pos.bw", "A.fwd.neg.bw", "A.rev.neg.bw"]
    assert _pairs(*crossed) == [("A.pos", crossed[:2]), ("A.neg", crossed[2:])]


def test_words_inside_others_are_no_strands() -> None:
    names = ["surplus.bw", "forwarded.bw", "fwdx.bw", "prev.bw"]
    assert _pairs(*names) == [(Path(name).stem, [name]) for name in names]


def test_unstranded_files_keep_their_names() -> None:
    names = ["CD34_pos.bw", "CD34_neg.bw"]
    assert _pairs(*names, unstranded=map(Path, names)) == [("CD34_pos", names[:1])] + [
        ("CD34_neg", names[1:])
    ]


def test_doubtful_words_are_told() -> None:
    _, remarks = pair_strands(["a_pos.bw", "a_neg.bw", "b+.bw", "b-.bw"])
    assert len(remarks) == 1 and "--unstranded" in remarks[0]
    _, remarks = pair_strands(["a.str1.bw", "a.str2.bw"])
    assert "dUTP" in remarks[0] and "--genes" in remarks[0]


def test_folders_make_names_unique() -> None:
    names = ["x/coverage+.w5", "x/coverage-.w5", "y/coverage+.w5", "y/coverage-.w5", "z/b.bw"]
    assert [name for name, _ in _pairs(*names)] == ["x_coverage", "y_coverage", "b"]
    assert [name for name, _ in _pairs("s1/+.bw", "s1/-.bw", "s2/+.bw", "s2/-.bw")] == ["s1", "s2"]


def test_a_file_given_twice_counts_once() -> None:
    assert _pairs("a.bw", "./a.bw", "b.bw") == [("a", ["a.bw"]), ("b", ["b.bw"])]


def test_a_strand_alone_is_refused() -> None:
    with pytest.raises(StrandError, match=r"a\.plus\.bw, c-\.bw: by name a strand.*--unstranded"):
        pair_strands(["a.plus.bw", "b+.bw", "b-.bw", "c-.bw"])


def test_strands_in_different_folders_are_no_pair() -> None:
    with pytest.raises(StrandError, match="the other strand is not among the files"):
        pair_strands(["x/a.plus.bw", "y/a.minus.bw"])


def test_two_files_of_one_strand_are_refused() -> None:
    with pytest.raises(StrandError, match="the same strand of one track"):
        pair_strands(["a.plus.bw", "a.plus.bigwig", "a.minus.bw"])


def test_names_that_stay_alike_are_refused() -> None:
    with pytest.raises(StrandError, match=r"a\.bw, .*a\.w5: these would all be the track"):
        pair_strands(["a.bw", "a.w5"])


@pytest.mark.parametrize(
    ("name", "assay"),
    [
        ("GM12878_ATAC-seq.bw", "ATAC"),
        ("cage/heart.plus.bw", "CAGE"),
        ("CNhs10586.plus.bw", "CAGE"),
        ("H3K27ac.rep1.bw", "CHIP"),
        ("x_CUT&RUN.bw", "CHIP"),
        ("x_cut-and-tag.bw", "CHIP"),
        ("POLR2A.bw", "CHIP"),
        ("DNase.liver.bw", "DNASE"),
        ("K562_RNA-seq+.bw", "RNA"),
        ("scRNAseq_T.bw", "RNA"),
        ("human/rna/encode/ENCSR000AAR/summary/coverage+.w5", "RNA"),
        ("rna_lab/atac/x.bw", "ATAC"),
        ("internal.bw", None),
        ("ENCFF1.bw", None),
        ("multiome_rna_atac.bw", None),
    ],
)
def test_assay_by_name(name: str, assay: str | None) -> None:
    assert guess_assay(name) == assay


def test_signal_by_name() -> None:
    assert is_signal("x.fc.bw") and is_signal("x_fold_change_over_control.bw")
    assert is_signal("x.pval.signal.bw") and not is_signal("fcgr3.bw") and not is_signal("x.bw")
