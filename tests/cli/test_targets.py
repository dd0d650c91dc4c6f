"""`whelp targets` on small BigWigs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from whelp.genome.bigwig import Step, write_bigwig
from whelp.specs import TargetsTable


@pytest.fixture(autouse=True)
def bigwigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("s1_rna.plus.bw", 1), ("s1_rna.minus.bw", 2), ("s2_atac.bw", 3)):
        write_bigwig(name, {"chr1": 1000}, [Step("chr1", 0, 100, value)])


def test_tracks_and_assumptions_are_told(whelp: Callable) -> None:
    result = whelp("targets", "*.bw", "--group", "s*=cells")
    assert result.exit_code == 0, result.output
    table = TargetsTable.read("targets.txt")
    assert [row.identifier for row in table.rows] == ["s1_rna+", "s1_rna-", "s2_atac"]
    assert [row.group for row in table.rows] == ["cells"] * 3
    assert "RNA told from the names of s1_rna" in result.stdout
    assert "30 million fragments assumed for s1_rna, s2_atac" in result.stdout
    assert "3 tracks written to targets.txt" in result.stdout


def test_refuses_to_replace(whelp: Callable) -> None:
    assert whelp("targets", "*.bw").exit_code == 0
    before = Path("targets.txt").read_bytes()
    result = whelp("targets", "s2_atac.bw")
    assert result.exit_code == 1 and "--force" in result.stderr
    assert Path("targets.txt").read_bytes() == before
    assert whelp("targets", "s2_atac.bw", "--force").exit_code == 0


def test_faulty_files_and_options(whelp: Callable) -> None:
    Path("no_rna.bw").write_bytes(b"this is no BigWig" * 10)
    result = whelp("targets", "no_rna.bw")
    assert result.exit_code == 1 and "this is not a BigWig" in result.stderr
    assert "expected an assay of RNA" in whelp("targets", "s2_atac.bw", "--assay", "HiC").stderr
    assert whelp("targets", "s2_atac.bw", "--group", "nothing").exit_code == 2
    assert "are not there" in whelp("targets", "missing*.bw").stderr
    assert not Path("targets.txt").exists()
