"""Checks of targets tables: files, pairs, values, chromosomes, windows of pretraining."""

from collections.abc import Callable
from pathlib import Path

import pytest

from whelp.genome.bigwig import Step, write_bigwig
from whelp.making.checks import CheckSettings, TableCheck, check_targets, fragments
from whelp.making.window_checks import trained_regions, window_overlaps
from whelp.making.windows import LabeledWindow
from whelp.specs import SpecError

LENGTHS = {"chr1": 1000, "chr2": 500}
HEADER = "\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription\n"


def _row(index: int, name: str, file: str, **changes: object) -> str:
    values = {"clip": 768, "soft": 384, "scale": 2, "stat": "sum_sqrt", "pair": index} | changes
    cells = [index, name, file, *values.values(), f"RNA:{name}"]
    return "\t".join(map(str, cells)) + "\n"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a table beside the BigWigs of a pair and of a track without strands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bw").mkdir()
    for name, value in (("a.plus", 1), ("a.minus", 3), ("b", 5)):
        write_bigwig(f"bw/{name}.bw", LENGTHS, [Step("chr1", 100, 200, value)])

    def write(*rows: str) -> Path:
        given = rows or (
            _row(0, "a+", "bw/a.plus.bw", pair=1),
            _row(1, "a-", "bw/a.minus.bw", pair=0),
            _row(2, "b", "bw/b.bw", stat="mean"),
        )
        Path("targets.txt").write_text(HEADER + "".join(given))
        return tmp_path / "targets.txt"

    return write


def _nothing(check: TableCheck) -> bool:
    found = check.findings
    return not (found.faults or found.warnings or found.notes)


def test_a_table_without_fault(table) -> None:
    check = check_targets(table())
    assert _nothing(check)
    assert [total.total for total in check.totals] == [100, 300, 500]
    assert fragments(check.table, check.totals) == [800, 800, None]


def test_files_are_looked_for_beside_the_table(table, tmp_path: Path, monkeypatch) -> None:
    path = table()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert _nothing(check_targets(path))


def test_missing_and_broken_files_are_told_together(table) -> None:
    Path("bw/c.bw").write_text("no BigWig at all" * 10)
    path = table(
        _row(0, "x", "bw/x.bw"), _row(1, "y", "bw/y.bw"), _row(2, "c", "bw/c.bw"), _row(3, "d", "")
    )
    missing, broken = check_targets(path).findings.faults
    assert missing.splitlines() == [
        "3 of 4 files are not there:",
        "  x: bw/x.bw",
        "  y: bw/y.bw",
        "  d: no file named",
    ]
    assert broken.startswith("c: ") and "this is not a BigWig" in broken


def test_rows_that_are_wrong(table) -> None:
    rows = [
        _row(0, "a+", "bw/a.plus.bw", pair=1, scale=3, soft=1000),
        _row(1, "a-", "bw/a.minus.bw", pair=0),
        _row(2, "b", "bw/b.bw", stat="total"),
        _row(3, "b", "bw/b.bw", scale=-1),
        _row(4, "c-", "bw/b.bw"),
    ]
    found = check_targets(table(*rows)).findings
    assert found.faults == [
        "identifiers stand more than once: b; they must differ",
        "b: sum_stat 'total' is not known; expected one of sum, sum_sqrt, sum_exp75, mean, "
        "mean_sqrt, avg, avg_sqrt, median, max, peak",
        "b: expected a scale above 0; got -1",
    ]
    assert found.warnings == [
        "files stand in more than one row: bw/b.bw",
        "a+: clip 768 is below clip_soft 1000",
        "by name single strands, but without a pair: c-",
        "a+ and a- are a strand pair with different scale: 3.0 and 2.0",
        "a+ and a- are a strand pair with different clip_soft: 1000.0 and 384.0",
    ]


def test_broken_pairs_are_refused(table) -> None:
    with pytest.raises(SpecError, match="the index of a track in the table"):
        check_targets(table(_row(0, "a+", "bw/a.plus.bw", pair=7)))
    found = check_targets(
        table(_row(0, "u", "bw/b.bw", pair=1), _row(1, "v", "bw/b.bw", pair=0))
    ).findings
    assert "v are a strand pair of one file" in found.faults[0]
    assert any("do not end in + and -" in text for text in found.warnings)


def test_values(table) -> None:
    steps = [Step("chr1", 0, 10, -0.5), Step("chr1", 10, 20, float("nan"))]
    write_bigwig("bw/odd.bw", LENGTHS, [*steps, Step("chr1", 30, 40, 70000)])
    write_bigwig("bw/none.bw", LENGTHS, [Step("chr1", 0, 10, 0)])
    found = check_targets(table(_row(0, "odd", "bw/odd.bw"), _row(1, "no", "bw/none.bw"))).findings
    assert found.warnings == [
        "there are NaN or infinite values: odd",
        "there are negative values; Poisson losses want none: odd (down to -0.5)",
        "there is no coverage: no",
    ]
    assert found.notes == ["values above 65,504 are cut to it: odd (up to 70000)"]


def test_scales_far_off(table) -> None:
    write_bigwig("bw/big.bw", {"chr1": 200_000_000}, [Step("chr1", 0, 100_000_000, 10)])
    rows = [_row(0, "cpm", "bw/big.bw", scale=0.3), _row(1, "raw", "bw/big.bw", scale=100)]
    found = check_targets(table(*rows)).findings
    assert len(found.warnings) == 2  # one for the file that stands twice
    assert found.warnings[1].endswith("look at the scales: raw (1e+11)")


def test_chromosomes_against_the_genome(table) -> None:
    path, sizes = table(), Path("sizes.txt")
    sizes.write_text("chr1\t1000\nchr2\t500\n")
    assert _nothing(check_targets(path, CheckSettings(genome=sizes)))
    sizes.write_text("chr1\t1000\nchr2\t500\nchr3\t50\n")
    found = check_targets(path, CheckSettings(genome=sizes)).findings
    assert found.faults == [] and found.notes == ["a+, a-, b: there is no chr3 of the genome"]
    sizes.write_text("1\t1000\n2\t500\n")
    (fault,) = check_targets(path, CheckSettings(genome=sizes)).findings.faults
    assert fault.startswith("a+, a-, b: its chromosomes, chr1, chr2, are not those")
    assert "--chr-strip" in fault
    sizes.write_text("chr1\t1001\nchr2\t500\n")
    (fault,) = check_targets(path, CheckSettings(genome=sizes)).findings.faults
    assert "chr1 (1,000 bp, 1,001 in the genome)" in fault and "another assembly" in fault


def test_an_annotation_with_other_names_is_told(table) -> None:
    exon = 'x\tx\texon\t101\t150\t.\t-\t.\tgene_id "A";\n'
    for chrom, notes in (("1", ["a: its chromosomes are not called as"]), ("chr1", [])):
        Path("genes.gtf").write_text(chrom + exon[1:])
        found = check_targets(table(), CheckSettings(genes=Path("genes.gtf"))).findings
        assert [note[: len(notes[0])] for note in found.notes] == notes
        assert all(note.endswith("chr1 was taken for 1") for note in found.notes)


def test_a_missing_chr_is_told(table) -> None:
    write_bigwig("bw/n.bw", {"1": 1000}, [Step("1", 0, 10, 1)])
    Path("sizes.txt").write_text("chr1\t1000\n")
    settings = CheckSettings(genome=Path("sizes.txt"))
    (fault,) = check_targets(table(_row(0, "n", "bw/n.bw")), settings).findings.faults
    assert "--chr-prepend" in fault


def test_overlaps_by_hand() -> None:
    trained = trained_regions(
        [
            LabeledWindow("chr1", 0, 100, "train"),
            LabeledWindow("chr1", 50, 150, "train"),
            LabeledWindow("chr1", 400, 500, "valid"),
            LabeledWindow("chr2", 0, 10, "train"),
        ],
        ("test", "valid"),
    )
    assert {
        chrom: list(zip(*map(list, spans), strict=True)) for chrom, spans in trained.items()
    } == {
        "chr1": [(0, 150)],
        "chr2": [(0, 10)],
    }
    windows = [
        LabeledWindow("chr1", 150, 250, "test"),  # touches
        LabeledWindow("chr1", 149, 249, "test"),  # one base
        LabeledWindow("chr1", 420, 480, "test"),  # held out
        LabeledWindow("chr3", 0, 40, "test"),
        LabeledWindow("chr2", 5, 15, "train"),
    ]
    test, train = window_overlaps(windows, trained)
    assert (test.label, test.windows, test.seen) == ("test", 4, 1)
    assert test.share == 1 / 300
    assert (train.label, train.windows, train.seen, train.share) == ("train", 1, 1, 0.5)


def _bed(name: str, *rows: tuple) -> Path:
    Path(name).write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return Path(name)


def test_test_windows_that_were_trained_on_are_warned_of(table) -> None:
    path = table()
    own = _bed("own.bed", ("chr1", 0, 100, "train"), ("chr1", 300, 400, "test"))
    old = _bed("old.bed", ("chr1", 350, 450, "train"), ("chr1", 0, 100, "test"))
    check = check_targets(path, CheckSettings(sequences=own, pretrained=old))
    (warning,) = check.findings.warnings
    assert warning.startswith("1 of 1 test windows overlap") and "50% of their bases" in warning
    assert [(o.label, o.seen) for o in check.overlaps] == [("train", 0), ("test", 1)]
    assert _nothing(check_targets(path, CheckSettings(sequences=own, pretrained=own)))


def test_folds_of_pretraining(table) -> None:
    path = table()
    folds = [("chr1", 100 * at, 100 * at + 100, f"fold{at}") for at in range(5)]
    old = _bed("old.bed", *folds)
    own = _bed("own.bed", ("chr1", 300, 400, "test"), ("chr1", 0, 50, "train"))
    check = check_targets(path, CheckSettings(sequences=own, pretrained=old))
    assert not check.findings.warnings and "fold3 and fold4 are taken" in check.findings.notes[0]
    settings = CheckSettings(sequences=own, pretrained=old, held_out=["fold0"])
    assert "test windows overlap" in check_targets(path, settings).findings.warnings[0]
    settings = CheckSettings(sequences=own, pretrained=old, held_out=["fold9"])
    assert "label fold9; it has fold0, fold1" in check_targets(path, settings).findings.faults[0]
    check = check_targets(path, CheckSettings(pretrained=_bed("new.bed", *folds[:2])))
    assert (
        "--held-out" in check.findings.warnings[0] and "--sequences" in check.findings.warnings[1]
    )


def test_windows_on_chromosomes_that_tracks_lack(table) -> None:
    own = _bed("own.bed", ("chr7", 0, 100, "train"))
    (fault,) = check_targets(table(), CheckSettings(sequences=own)).findings.faults
    assert "are not those that are wanted, chr7" in fault
    old = _bed("old.bed", ("7", 0, 100, "train"))
    faults = check_targets(table(), CheckSettings(sequences=own, pretrained=old)).findings.faults
    assert "no chromosome (7) is one of those" in faults[-1]


def test_sense_share_of_a_table(table) -> None:
    path = table()
    line = 'chr1\tx\texon\t151\t300\t.\t{}\t.\tgene_id "A";\n'
    Path("genes.gtf").write_text(line.format("-"))
    check = check_targets(path, CheckSettings(genes=Path("genes.gtf")))
    assert check.shares[0].share == 0.75 and not check.findings.warnings
    Path("genes.gtf").write_text(line.format("+"))
    check = check_targets(path, CheckSettings(genes=Path("genes.gtf")))
    assert "look flipped, 25%" in check.findings.warnings[0]
