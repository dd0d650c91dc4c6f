"""`whelp inspect` of a targets table."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from whelp.genome.bigwig import Step, write_bigwig


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whelp: Callable) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (("s1_rna.plus.bw", 1), ("s1_rna.minus.bw", 2)):
        write_bigwig(name, {"chr1": 1000}, [Step("chr1", 0, 100, value)])
    assert whelp("targets", "*.bw").exit_code == 0


def test_nothing_wrong(whelp: Callable) -> None:
    Path("sizes.txt").write_text("chr1\t1000\n")
    result = whelp("inspect", "targets.txt", "--genome", "sizes.txt")
    assert result.exit_code == 0, result.output
    assert "2 tracks, 1 strand pairs: nothing wrong was found" in result.stdout
    assert result.stdout.count("30,000,000") == 2


def test_faults_are_listed_and_end_with_1(whelp: Callable) -> None:
    Path("s1_rna.plus.bw").unlink()
    Path("sizes.txt").write_text("1\t1000\n")
    result = whelp("inspect", "targets.txt", "--genome", "sizes.txt")
    assert result.exit_code == 1
    assert "1 of 2 files are not there" in result.stderr and "--chr-strip" in result.stderr


def test_options_of_tables_need_one(whelp: Callable) -> None:
    Path("params.json").write_text("{}")
    result = whelp("inspect", "params.json", "--genes", "targets.txt")
    assert result.exit_code == 2 and "--genes is for targets tables" in result.stderr


def test_no_keras_is_imported() -> None:
    code = (
        "import sys\nfrom whelp.cli.main import main\n"
        "main(['inspect', 'targets.txt'], standalone_mode=False)\n"
        "print('imported', sorted({'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported []"
