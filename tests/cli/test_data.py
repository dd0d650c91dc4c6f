"""`whelp data` and hound_data.py, on the inputs that the reference was run on."""

import filecmp
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LENGTHS = ("-l", 4096, "-c", 512)
CHROMS = ("-t", "ctgB", "-v", "ctgC")
FLAGS = (
    *("-b", "--break", "-c", "--crop", "-d", "-f", "-g", "-i", "-l", "--limit", "--local"),
    *("-o", "-p", "--peaks", "-r", "--restart", "-s", "--seed", "--snap", "--st"),
    *("--split_test", "--stride", "--stride_train", "--stride_test", "-t", "-u", "--umap_t"),
    *("--umap_clip", "--umap_tfr", "-w", "-v", "--transform_old"),
)


@pytest.fixture
def inputs(golden: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(golden / "data/inputs")
    return golden / "data/inputs"


@pytest.fixture
def hound(
    inputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Callable[..., tuple[int, str, str]]:
    """Runs hound_data.py in this process: its exit code and what it printed."""
    from whelp.cli.hound_data import main

    def run(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hound_data.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return run


def folder_bytes(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "report.html"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_data_set_and_what_is_printed(whelp: Callable, inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = ("data", "genome.fa", "targets_basic.txt", "--out", out, *LENGTHS, *CHROMS, "-p", 1)
    result = whelp(*line)
    assert result.exit_code == 0, result.output
    statistics = json.loads((out / "statistics.json").read_text())
    # Targets stand side by side; ctgA is there, and the last window of each contig.
    counts = {name: statistics[f"{name}_seqs"] for name in ("train", "valid", "test")}
    assert counts == {"train": 64_000 // 3072 + 9000 // 3072, "valid": 10, "test": 13}
    for name, number in counts.items():
        assert any(line.split()[:2] == [name, str(number)] for line in result.output.splitlines())
    assert "reading tracks: 3 done" in result.output
    assert any(line.startswith("sparse ") for line in result.output.splitlines())
    page = (out / "report.html").read_text()
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "whelp data report" in page and "ctgA" in page and "sparse" in page
    again = whelp(*line)
    assert again.exit_code == 1 and "this data set is complete; go on with it" in again.output
    assert whelp(*line, "--resume").exit_code == 0
    assert whelp(*line, "--overwrite", "-d", 0, "--no-report").exit_code == 0
    assert not (out / "report.html").exists()


def test_a_data_set_by_two_jobs(whelp: Callable, inputs: Path, tmp_path: Path) -> None:
    files = ("data", "genome.fa", "targets_basic.txt", *LENGTHS, *CHROMS, "-p", 1)
    assert whelp(*files, "-o", tmp_path / "whole").exit_code == 0
    out = tmp_path / "out"
    first = whelp(*files, "-o", out, "--part", "1/2")
    assert (
        "part 1 of 2: 2 tracks read" in first.output and "1 tracks of other parts" in first.output
    )
    lacking = whelp("gather", out)
    assert lacking.exit_code == 1 and "1 of 3 tracks are not read yet" in lacking.output
    assert "--part 2/2" in lacking.output and not (out / "report.html").exists()
    second = whelp(*files, "-o", out, "--part", "2/2", "--resume")
    assert f"`whelp gather {out}` ends the data set" in second.output
    gathered = whelp("gather", out)
    assert gathered.exit_code == 0 and "sparse" in gathered.output, gathered.output
    assert folder_bytes(out) == folder_bytes(tmp_path / "whole")
    assert "ctgA" in (out / "report.html").read_text()
    again = whelp("gather", out)
    assert again.exit_code == 2 and "no jobs with --part have begun anything there" in again.output


def test_a_data_set_by_workers(
    whelp: Callable, hound: Callable, inputs: Path, tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    files = ("data", "genome.fa", "targets_basic.txt", *LENGTHS, *CHROMS)
    assert whelp(*files, "-o", tmp_path / "whole", "-p", 1).exit_code == 0
    result = whelp(*files, "-o", tmp_path / "out", "--cluster", "local", "--workers", 2)
    assert result.exit_code == 0 and "dashboard: http" in result.output, result.output
    assert folder_bytes(tmp_path / "out") == folder_bytes(tmp_path / "whole")
    # The input is looked at before workers are.
    broken = ("data", "genome.fa", "targets_missing.txt", *LENGTHS, "-o", tmp_path / "broken")
    result = whelp(*broken, "--cluster", "tcp://127.0.0.1:9")
    assert result.exit_code == 1 and "it does not have ctgD" in result.output
    flags = ("--cluster", "nowhere.yaml", *LENGTHS, *CHROMS, "-o", tmp_path / "hound")
    code, _, message = hound(*flags, "genome.fa", "targets_basic.txt")
    assert code == 1 and "nowhere.yaml: expected the word local" in message


def test_logs_say_now_and_then_how_far_it_is(capsys: pytest.CaptureFixture) -> None:
    from whelp.cli.data_display import DataBar
    from whelp.making import Progress

    with DataBar(seconds=0) as often, DataBar() as seldom:
        for done in range(3):
            often(Progress("tracks", done, 2))
            seldom(Progress("records", done, 2))
    assert capsys.readouterr().out.splitlines() == [
        "reading tracks: 0 of 2",
        "reading tracks: 1 of 2",
        "reading tracks: 2 done",
        "writing windows: 2 done",
    ]


def test_the_plan_writes_nothing(whelp: Callable, inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = whelp(
        "data", "genome.fa", "targets_basic.txt", "-o", out, *LENGTHS, "--folds", 4, "--plan"
    )
    assert result.exit_code == 0 and "fold3" in result.output
    assert "96 bins of 32 bp = 3,072 bp, after a crop of 512 bp a side" in result.output
    assert not out.exists()


def test_lengths_of_a_model(whelp: Callable, inputs: Path, tmp_path: Path, tiny: Any) -> None:
    params = tmp_path / "params.json"
    params.write_text(json.dumps({"train": tiny.TRAIN, "model": tiny.MODEL}))
    line = ("data", "genome.fa", "targets_basic.txt", "-o", tmp_path / "out", "--model", params)
    from whelp.inspection import model_facts, skeleton
    from whelp.specs import load_params

    facts = model_facts(skeleton(load_params(params).model))
    result = whelp(*line, "--plan")
    assert result.exit_code == 0, result.output
    assert f"{facts.target_length:,} bins of {facts.stride} bp" in result.output
    wrong = whelp(*line, "--plan", "-l", facts.seq_length + 32)
    assert wrong.exit_code == 1 and "the model's seq_length is" in wrong.output


def test_windows_of_the_pretrained_model(whelp: Callable, inputs: Path, tmp_path: Path) -> None:
    given = tmp_path / "sequences.bed"
    given.write_text("ctgA\t0\t6144\tfold0\nctgB\t0\t6144\tfold3\nctgC\t0\t6144\tfold4\n")
    out = tmp_path / "out"
    line = ("data", "genome.fa", "targets_basic.txt", "-o", out, *LENGTHS, "--windows", given)
    result = whelp(*line, "-t", "fold3", "-v", "fold4", "-p", 1)
    assert result.exit_code == 0, result.output
    assert (out / "sequences.bed").read_text() == (
        "ctgA\t1536\t4608\ttrain\nctgC\t1536\t4608\tvalid\nctgB\t1536\t4608\ttest\n"
    )
    assert "were made 3,072 bp long" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-t", "chrB", "-v", "ctgC"], "not in the genome: chrB; it has ctgA"),
        (["-t", "ctgB"], "both be shares of the genome or both be names"),
        (["-w", 100], "is not a whole number of bins"),
        (["--umap-clip", "0.5"], "which regions are unmappable"),
        (["--resume", "--overwrite"], "exclude each other"),
    ],
)
def test_mistakes_leave_no_folder(
    options: list[Any], message: str, whelp: Callable, inputs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = whelp("data", "genome.fa", "targets_basic.txt", "-o", out, *LENGTHS, *options)
    assert result.exit_code in (1, 2) and message in result.output, result.output
    assert not out.exists()


def test_another_data_set_is_not_overwritten(whelp: Callable, inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    line = ("data", "genome.fa", "targets_basic.txt", "-o", tmp_path, *LENGTHS, *CHROMS)
    for options in ([], ["--resume"], ["--overwrite"]):
        result = whelp(*line, *options)
        assert result.exit_code == 1 and "another folder" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_mistake_does_not_cost_the_data_set(
    whelp: Callable, inputs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    line = ("data", "genome.fa", "targets_basic.txt", "-o", out, *LENGTHS, "-p", 1)
    assert whelp(*line, *CHROMS).exit_code == 0
    before = folder_bytes(out)
    result = whelp(*line, "-t", "ctgB", "-v", "ctgX", "--overwrite")
    assert result.exit_code == 1 and "not in the genome: ctgX" in result.output
    assert folder_bytes(out) == before


def test_help_has_an_example_and_needs_little(whelp: Callable) -> None:
    assert "Example:\n    whelp data hg38.fa targets.txt" in whelp("data", "--help").output
    code = (
        "import sys\nfrom whelp.cli.main import main\n"
        "main(['data', '--help'], standalone_mode=False)\n"
        "heavy = {'keras', 'tensorflow', 'pandas', 'numpy', 'matplotlib', 'pysam', 'h5py'}\n"
        "print('imported', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported []"


def test_data_are_made_without_keras(inputs: Path, tmp_path: Path) -> None:
    line = ["data", "genome.fa", "targets_basic.txt", "-o", str(tmp_path / "out"), "-p", "1"]
    line += [str(word) for word in (*LENGTHS, *CHROMS)]
    code = (
        f"import sys\nfrom whelp.cli.main import main\nmain({line!r}, standalone_mode=False)\n"
        "print('imported', sorted({'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported []"


def test_the_reference_s_flags_are_there(hound: Callable) -> None:
    code, printed, _ = hound("--help")
    assert code == 0
    for flag in FLAGS:
        assert f" {flag}" in printed or f"[{flag}" in printed, flag
    assert "example:\n  hound_data.py --local" in printed


@pytest.mark.parametrize("run", ["chr_nocrop_gz", "folds", "pct_main", "peaks", "slurm"])
def test_the_drop_in_prints_and_writes_as_the_reference(
    run: str, hound: Callable, golden: Path, tmp_path: Path
) -> None:
    known = json.loads((golden / "data/index.json").read_text())[run]
    words = known["command"].split()[1:]
    out = tmp_path / "out"
    words[words.index("-o") + 1] = str(out)
    code, printed, remarks = hound(*words)
    # Without --local the reference stops before it reads a track.
    assert code == 0
    begun = [line for line in known["stdout_tail"] if not line.startswith("Targets sum")]
    sums = [line for line in known["stdout_tail"] if line.startswith("Targets sum")]
    lines = printed.splitlines()
    assert lines[: len(begun)] == begun
    assert lines[len(begun) : len(begun) + len(sums)] == sums
    assert remarks.count("longest contig") == 1 and "`whelp data` keeps both" in remarks
    for name in ("contigs.bed", "sequences.bed", "mseqs_unmap.npy"):
        if (golden / "data" / run / name).exists():
            assert filecmp.cmp(out / name, golden / "data" / run / name, shallow=False)
    assert (out / "seqs_cov/0.h5").exists()


def test_only_the_split(hound: Callable, golden: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, printed, _ = hound(
        *("--local", *LENGTHS, "-t", "0.2", "-v", "0.2", "--break", 16_384, "--st", "-o", out),
        *("genome.fa", "targets_basic.txt"),
    )
    assert code == 0 and " Test:      0 contigs" in printed
    assert [path.name for path in out.iterdir()] == ["contigs.bed"]
    expected = golden / "data/split_test/contigs.bed"
    assert filecmp.cmp(out / "contigs.bed", expected, shallow=False)


def test_restart_takes_the_windows_in_the_folder(
    hound: Callable, golden: Path, tmp_path: Path
) -> None:
    """As the reference's tutorial does, with the windows that a model was trained on."""
    out = tmp_path / "out"
    out.mkdir()
    for name in ("contigs.bed", "sequences.bed", "mseqs_unmap.npy"):
        (out / name).write_bytes((golden / "data/pct_main" / name).read_bytes())
    given = folder_bytes(out)
    line = ("--restart", "--local", *LENGTHS, "-d", 2, "-f", 8, "-r", 8, "--umap_clip", 0.5)
    line += ("-p", 1, "-b", "blacklist.bed", "-u", "umap.bed", "-o", out, "genome.fa")
    code, printed, remarks = hound(*line, "targets_new.txt")
    assert code == 0, remarks
    assert "Contigs divided into" not in printed
    made = folder_bytes(out)
    assert {name: made[name] for name in given} == given
    assert json.loads(made["statistics.json"])["train_seqs"] == 33
    assert hound(*line, "targets_new.txt")[0] == 0
    assert folder_bytes(out) == made
    code, _, remarks = hound(*line, "targets_basic.txt")
    assert code == 1 and "holds another data set" in remarks


def test_restart_goes_on_where_a_run_stopped(hound: Callable, tmp_path: Path) -> None:
    line = ("--local", *LENGTHS, *CHROMS, "-u", "umap.bed", "-p", 1, "-r", 4)
    line += ("genome.fa", "targets_basic.txt")
    assert hound("-o", tmp_path / "whole", *line)[0] == 0
    out = tmp_path / "out"
    assert hound("-o", out, *line)[0] == 0
    for name in ("statistics.json", "tfrecords/test-1.tfr", "seqs_cov/1.h5"):
        (out / name).unlink()
    state = json.loads((out / "making.json").read_text())
    (out / "making.json").write_text(json.dumps({**state, "complete": False}))
    assert hound("-o", out, "--restart", *line)[0] == 0
    one, other = folder_bytes(out), folder_bytes(tmp_path / "whole")
    assert {k: v for k, v in one.items() if k.endswith(".tfr")} == {
        k: v for k, v in other.items() if k.endswith(".tfr")
    }
    assert one["statistics.json"] == other["statistics.json"]


def test_an_existing_folder_is_not_written_to(hound: Callable, tmp_path: Path) -> None:
    code, _, remarks = hound(*LENGTHS, *CHROMS, "-o", tmp_path, "genome.fa", "targets_basic.txt")
    assert code == 1 and f"Remove output directory {tmp_path} or use --restart" in remarks
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--break", 1000], "contigs are broken at 1,000 bp, below the length of a window"),
        (["--umap_tfr"], "which regions are unmappable"),
        (["--limit", "limit.bed"], "no window is left for test"),
        (["-g", "no_such.bed"], "no_such.bed: No such file"),
    ],
)
def test_what_the_reference_dies_of_is_told(
    arguments: list[Any], message: str, hound: Callable, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, _, remarks = hound(
        *LENGTHS, *CHROMS, *arguments, "-o", out, "genome.fa", "targets_basic.txt"
    )
    assert code == 1 and message in remarks
    assert not out.exists()
