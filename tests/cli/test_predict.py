"""`whelp predict` and `whelp.predict`, with a tiny model on a random genome."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import whelp as package
from whelp.genome import dna
from whelp.genome.bigwig import BigWig
from whelp.predicting.settings import PredictSettings

TARGETS = """\
\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription
0\tup+\tx.bw\t384\t320\t0.5\tsum_sqrt\t1\tRNA:up
1\tup-\tx.bw\t384\t320\t0.5\tsum_sqrt\t0\tRNA:up
2\topen\tx.bw\t32\t32\t2\tmean\t2\tATAC:open
"""
LENGTH, CROP, STRIDE = 2048, 512, 16


@pytest.fixture
def line(tiny: Any, project: Any, tmp_path: Path) -> list[Any]:
    """The command's words before the input, and a genome of two chromosomes."""
    rng = np.random.default_rng(4)
    bases = dna.decode(rng.integers(0, 4, 9000).astype("uint8"))
    (tmp_path / "genome.fa").write_text(f">chr1\n{bases}\n>chr2\n{bases[::-1][:3000]}\n")
    (tmp_path / "targets.txt").write_text(TARGETS)
    params = project.params(model={"head_a": {**tiny.MODEL["head_a"], "units": 5}})
    return ["predict", params, project.whole, "-t", tmp_path / "targets.txt"]


def read(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(folder / "predictions.h5") as file:
        return {name: data[:] for name, data in file.items()}


def bigwig(path: Path, chrom: str) -> np.ndarray:
    with BigWig(path) as file:
        return file.values(chrom, 0, file.lengths[chrom])


def squashed(line: list[Any], texts: list[str]) -> np.ndarray:
    """What the model says of sequences, of shape `(sequences, bins, tracks)`."""
    model = package.load(line[1], line[2])
    x = np.stack([dna.one_hot(dna.encode(text)) for text in texts])
    return np.asarray(model.predict_on_batch(x))[..., :3].astype(float)


def per_base(values: np.ndarray) -> np.ndarray:
    """Undo roots, scales, and sums over 16 bp by hand; nothing is above a soft clip."""
    assert values.max() < 32
    rna = ((values[..., :2] + 1) ** 2 - 1) / 0.5 / STRIDE
    return np.concatenate([rna, values[..., 2:] / 2], axis=-1)


def genome(folder: Path) -> dict[str, str]:
    lines = (folder / "genome.fa").read_text().split()
    return {"chr1": lines[1], "chr2": lines[3]}


def test_regions(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    """Short ones centred, long ones covered, ends of chromosomes, and rows without a place."""
    rows = ["chr2 100 180", "chr1 2500 6100", "1 4000 4100", "chrM 5 9", "chr1 9100 9200"]
    bed = tmp_path / "rows.bed"
    bed.write_text("# a comment\n" + "".join("\t".join(row.split()) + "\n" for row in rows))
    words = [*line, bed, "-g", tmp_path / "genome.fa", "--format", "both", "--batch-size", "2"]
    result = whelp(*words, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "6 windows predicted" in result.output and "2 rows cannot" in result.stderr
    rejected = (tmp_path / "out/rejected.tsv").read_text().splitlines()
    assert [row.split("\t")[3] for row in rejected] == ["line", "5", "6"]
    made = read(tmp_path / "out")
    assert made["region"].tolist() == [0, 1, 1, 1, 1, 2]
    assert made["start"].tolist() == [140 - 512, 2252, 3276, 4300, 5324, 4050 - 512]
    assert made["predictions"].shape == (6, 64, 3) and made["predictions"].dtype == np.float32
    sequences = genome(tmp_path)
    texts = []
    for chrom, start in zip(made["chrom"], made["start"], strict=True):
        text = "N" * LENGTH + sequences[chrom.decode()] + "N" * LENGTH
        first = int(start) - CROP + LENGTH
        texts.append(text[first : first + LENGTH])
    wanted = per_base(squashed(line, texts))
    np.testing.assert_allclose(made["predictions"], wanted, rtol=1e-4, atol=1e-6)
    names = {path.name for path in (tmp_path / "out/bigwig").iterdir()}
    assert names == {"up+.bw", "up-.bw", "open.bw"}
    for track, name in enumerate(("up+", "up-", "open")):
        values = bigwig(tmp_path / f"out/bigwig/{name}.bw", "chr1")
        there = np.flatnonzero(~np.isnan(values))
        assert there[[0, -1]].tolist() == [2252, 5324 + 1023] and len(there) == 5324 + 1024 - 2252
        # Window 5 is nearer to 4000 than windows 1 to 4 are.
        assert values[4000] == made["predictions"][5, (4000 - 3538) // STRIDE, track]
        assert values[2300] == made["predictions"][1, (2300 - 2252) // STRIDE, track]
        values = bigwig(tmp_path / f"out/bigwig/{name}.bw", "chr2")
        assert np.flatnonzero(~np.isnan(values))[[0, -1]].tolist() == [0, 140 + 511]


def test_strands_shifts_and_replicates(
    whelp: Callable[..., Any], line: list[Any], project: Any, tmp_path: Path
) -> None:
    """Strands are averaged before the squashing is undone, shifts and replicates after it."""
    import keras

    keras.utils.set_random_seed(3)
    other = tmp_path / "other.h5"
    package.save_weights(package.load(line[1]), other)
    bed = tmp_path / "row.bed"
    bed.write_text("chr1\t4000\t4001\n")
    words = [*line, bed, "-g", tmp_path / "genome.fa", "--format", "hdf5", "--replicate", other]
    words += ["--rc", "--shifts", "0,-3", "--tracks", "up-,open", "-o", tmp_path / "out"]
    result = whelp(*words)
    assert result.exit_code == 0, result.output
    text = genome(tmp_path)["chr1"][4000 - 1024 : 4000 + 1024]
    both = [text, text[3:] + "NNN"]
    back = [one[::-1].translate(str.maketrans("ACGT", "TGCA")) for one in both]
    wanted: list[np.ndarray] = []
    for weights in (line[2], other):
        values = squashed([None, line[1], weights], [*both, *back])
        wanted += list(per_base((values[:2] + values[2:, ::-1, [1, 0, 2]]) / 2))
    made = read(tmp_path / "out")
    assert made["target_ids"].tolist() == [b"up-", b"open"]
    np.testing.assert_allclose(
        made["predictions"][0], np.mean(wanted, axis=0)[:, 1:], rtol=1e-4, atol=1e-6
    )
    by_model = np.mean(np.reshape(wanted, (2, 2, *wanted[0].shape)), axis=1)[..., 1:]
    spread = np.std(by_model, axis=0, ddof=1)
    assert spread.max() > 0.01
    np.testing.assert_allclose(made["predictions_sd"][0], spread, rtol=1e-3, atol=1e-5)


def test_sequences_need_no_genome(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    text = genome(tmp_path)["chr1"]
    fasta = tmp_path / "some.fa"
    fasta.write_text(f">whole\n{text[:2048]}\n>long\n{text[:5001]}\n>short\n{text[:600].lower()}\n")
    result = whelp(*line, fasta, "--format", "both", "--merge-strands", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "1 sequences are shorter than the 2,048 bp" in " ".join(result.stderr.split())
    made = read(tmp_path / "out")
    assert made["chrom"].tolist() == [b"whole", *[b"long"] * 4, b"short"]
    assert made["start"].tolist() == [512, 512, 1536, 2560, 5001 - 512 - 1024, 300 - 512]
    wanted = per_base(squashed(line, [text[:2048]]))[0]
    wanted = np.column_stack([wanted[:, 0] + wanted[:, 1], wanted[:, 2]])
    np.testing.assert_allclose(made["predictions"][0], wanted, rtol=1e-4, atol=1e-6)
    with BigWig(tmp_path / "out/bigwig/up.bw") as file:
        assert file.lengths == {"whole": 2048, "long": 5001, "short": 600}
    for name, bounds in {"whole": [512, 1535], "long": [512, 4488], "short": [0, 599]}.items():
        values = bigwig(tmp_path / "out/bigwig/up.bw", name)
        there = np.flatnonzero(~np.isnan(values))
        assert there[[0, -1]].tolist() == bounds and len(there) == bounds[1] - bounds[0] + 1


def test_both_alleles_of_variants(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    text = genome(tmp_path)["chr1"]
    other = "ACGT"["CATG".index(text[4000])]
    vcf = tmp_path / "some.vcf"
    rows = [f"chr1\t4001\trs1\t{text[4000]}\t{other}", "chr1\t5\trs2\tNN\tA"]
    rows.append(f"chr1\t5001\tlost\t{text[5000:5040]}\t{text[5000]}")
    vcf.write_text("##fileformat=VCFv4.2\n" + "\n".join(rows) + "\n")
    words = [*line, vcf, "-g", tmp_path / "genome.fa", "--tracks", "open", "--format", "both"]
    result = whelp(*words, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "2 variants predicted" in result.output and "1 rows cannot" in result.stderr
    made = read(tmp_path / "out")
    assert made["snp"].tolist() == [b"rs1", b"lost"] and made["start"][0] == 4001 - 1024 + 512
    window = text[4001 - 1024 : 4001 + 1024]
    changed = window[:1023] + other + window[1024:]
    wanted = per_base(squashed(line, [window, changed]))[..., 2:]
    for name, values in zip(("reference", "alternate"), wanted, strict=True):
        assert made[name].shape == (2, 64, 1)
        np.testing.assert_allclose(made[name][0], values, rtol=1e-3, atol=1e-5)
    # The bases behind the lost ones come from further on, and bins stay in the genome's places.
    change = np.abs(made["alternate"][1] - made["reference"][1])[:, 0]
    assert change.argmax() in range(26, 38)
    values = {
        kind: bigwig(tmp_path / f"out/bigwig/0_rs1/open.{kind}.bw", "chr1")
        for kind in ("ref", "alt", "change")
    }
    assert np.flatnonzero(~np.isnan(values["ref"]))[[0, -1]].tolist() == [3489, 3489 + 1023]
    np.testing.assert_array_equal(values["alt"][3489::16][:64], made["alternate"][0, :, 0])
    np.testing.assert_allclose(values["change"], values["alt"] - values["ref"], atol=1e-7)
    # Nothing is left to do; and what is replaced goes away.
    again = whelp(*words, "-o", tmp_path / "out", "--resume")
    assert again.exit_code == 0 and "2 variants had been predicted before" in again.output
    refused = whelp(*words, "-o", tmp_path / "out")
    assert refused.exit_code == 1 and "holds predictions" in refused.stderr
    more = ("--format", "hdf5", "--overwrite")
    assert whelp(*words, *more, "-o", tmp_path / "out").exit_code == 0
    assert not list((tmp_path / "out").rglob("*.bw"))


_KILLED = """
import os, signal, sys
from whelp.cli.main import main
from whelp.predicting.forward import Forward

predict, calls = Forward.predict, []

def stopping(self, bases):
    calls.append(0)
    if len(calls) > 4:
        for name in ("rows", "run.json"):
            assert os.path.exists(f"{sys.argv[-1]}/.predictions.unfinished/{name}")
        os.kill(os.getpid(), signal.SIGKILL)
    return predict(self, bases)

Forward.predict = stopping
from whelp.scoring import rows
rows._MOST_SECONDS = 0
main(sys.argv[1:])
"""


def test_killed_and_resumed(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    """The same bytes come out as of a run that nothing happened to; another run is refused."""
    bed = tmp_path / "rows.bed"
    bed.write_text("".join(f"chr1\t{at}\t{at + 10}\n" for at in range(8000, 300, -500)))
    words = [*line, bed, "-g", tmp_path / "genome.fa", "--format", "both", "--batch-size", "3"]
    out = tmp_path / "killed"
    words = [str(word) for word in words]
    stopped = subprocess.run([sys.executable, "-c", _KILLED, *words, "-o", str(out)], timeout=300)
    assert stopped.returncode == -9
    with (out / ".predictions.unfinished/rows").open("ab") as file:
        file.write(b"half a row")
    refused = whelp(*words, "-o", out)
    assert refused.exit_code == 1 and "predictions of a run that was stopped" in refused.stderr
    other = whelp(*words, "-o", out, "--resume", "--rc")
    assert other.exit_code == 1 and "it differs in rc" in other.stderr
    result = whelp(*words, "-o", out, "--resume")
    assert result.exit_code == 0 and "12 windows had been predicted before" in result.output
    assert whelp(*words, "-o", tmp_path / "whole").exit_code == 0
    files = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert [str(file) for file in files] == [
        *("bigwig/open.bw", "bigwig/up+.bw", "bigwig/up-.bw", "predictions.h5", "predictions.json")
    ]
    for file in files:
        assert (out / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file


def test_existing_predictions(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    bed = tmp_path / "rows.bed"
    bed.write_text("chr1\t4000\t4001\n")
    words = [*line, bed, "-g", tmp_path / "genome.fa", "-o", tmp_path / "out"]
    assert whelp(*words).exit_code == 0
    refused = whelp(*words)
    assert refused.exit_code == 1 and "holds predictions. Go on" in " ".join(refused.stderr.split())
    again = whelp(*words, "--resume")
    assert again.exit_code == 0 and "1 windows had been predicted before" in again.output
    other = whelp(*words, "--resume", "--tracks", "open")
    assert other.exit_code == 1 and "predictions of another run" in other.stderr
    # What the run before wrote, and this one does not, goes away.
    assert whelp(*words, "--overwrite", "--tracks", "open").exit_code == 0
    assert [path.name for path in (tmp_path / "out/bigwig").iterdir()] == ["open.bw"]
    record = json.loads((tmp_path / "out/predictions.json").read_text())
    assert record["files"] == ["bigwig/open.bw"] and record["predicted"] == 1


@pytest.mark.parametrize(
    ("name", "text", "flags", "message"),
    [
        ("x.bed", "", (), "the file is empty; expected a BED, FASTA or VCF file"),
        ("x.bed", "#\n", (), "there are no regions in it"),
        ("x.bed", "chr1\t7\n", (), "line 1: expected chromosome, start and end"),
        ("x.bed", "GL5\t7\t9\n", (), "none of its chromosomes (GL5) is in the genome"),
        ("x.bed", "chr1\t9000\t9001\n", (), "begins beyond the end of the chromosome (9000 bp)"),
        ("x.bed", "chr1\t1\t9\nchr7\t1\t2\n", ("--strict",), "line 2: chr7:1-2 cannot be"),
        ("x.bed", "chr1\t1\t9\n", ("--tracks", "DNASE*"), "identifier or description 'DNASE*'"),
        ("x.bed", "chr1\t1\t9\n", ("--overlap", "1024"), "from 0 to 1,008 bp, received 1,024"),
        ("x.bed", "chr1\t1\t9\n", ("--shifts", "1500"), "shifts of a few of the model's 2,048 bp"),
        ("x.bed", "chr1\t1\t9\n", ("--head", "1"), "head"),
        ("x.txt", "one two three\n", (), "Give its kind with --input-type"),
        ("x.fa", "", (), "the file is empty"),
        ("x.fa", ">a\nACGU\n", (), "line 2: expected the letters of DNA"),
        ("x.fa", ">a\nMKVLE\n", (), "got 'E', 'L'; is it DNA?"),
        ("x.fa", ">a\n\n>b\nACGT\n", (), "a sequence is empty, before 'b'"),
        ("x.vcf", "##fileformat=VCFv4.2\nchr1\t5\n", ("--strict",), "line 2: expected VCF"),
    ],
)
def test_bad_input(
    whelp: Callable[..., Any],
    line: list[Any],
    tmp_path: Path,
    name: str,
    text: str,
    flags: tuple,
    message: str,
) -> None:
    (tmp_path / name).write_text(text)
    words = [*line, tmp_path / name, "-g", tmp_path / "genome.fa", *flags, "-o", tmp_path / "out"]
    result = whelp(*words)
    assert result.exit_code == 1 and message in " ".join(result.stderr.split()), result.stderr
    assert not (tmp_path / "out" / "predictions.json").exists()


def test_targets_that_do_not_match(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    bed, targets = tmp_path / "x.bed", tmp_path / "targets.txt"
    bed.write_text("chr1\t1\t9\n")
    words = [*line, bed, "-g", tmp_path / "genome.fa", "-o", tmp_path / "out"]
    missing = whelp(*line, bed, "-o", tmp_path / "out")
    assert missing.exit_code == 2 and "give it with -g" in missing.stderr
    targets.write_text(TARGETS.replace("\n2\t", "\n7\t").replace("mean\t2", "mean\t7"))
    result = whelp(*words)
    assert result.exit_code == 1 and "track 7 (open) is not among the 5 tracks" in result.stderr
    targets.write_text(TARGETS.replace("sum_sqrt", ""))
    result = whelp(*words)
    assert result.exit_code == 1 and "sum_stat" in result.stderr
    targets.write_text(TARGETS.replace("up+", "up"))
    result = whelp(*words, "--merge-strands")
    assert result.exit_code == 1, result.stderr
    # A note, not a run: an old-transform flag that the model contradicts.
    targets.write_text(TARGETS)
    params = json.loads(Path(line[1]).read_text())
    params["model"]["target_transform"] = "new"
    Path(line[1]).write_text(json.dumps(params))
    result = whelp(*words, "--transform-old")
    assert result.exit_code == 1 and "squashed in the new way" in " ".join(result.stderr.split())


def test_many_variants_make_no_heap_of_files(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path
) -> None:
    text = genome(tmp_path)["chr1"]
    rows = [f"chr1\t{at + 1}\t.\t{text[at]}\t{'CATG'['ACGT'.index(text[at])]}" for at in range(999)]
    (tmp_path / "x.vcf").write_text("\n".join(rows) + "\n")
    words = [*line, tmp_path / "x.vcf", "-g", tmp_path / "genome.fa", "-o", tmp_path / "out"]
    result = whelp(*words)
    assert result.exit_code == 1 and "Take --format hdf5" in " ".join(result.stderr.split())


def test_full_disk(
    whelp: Callable[..., Any], line: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is not begun."""
    import shutil

    class Usage:
        free = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage)
    (tmp_path / "x.bed").write_text("chr1\t1\t9\n" * 20)
    words = [*line, tmp_path / "x.bed", "-g", tmp_path / "genome.fa", "-o", tmp_path / "out"]
    result = whelp(*words)
    assert result.exit_code == 1 and "GB are free on the disk" in result.stderr
    assert not list(tmp_path.glob("out/*"))


def test_from_python(line: list[Any], tmp_path: Path) -> None:
    import pandas as pd

    model, targets = package.load(line[1], line[2]), tmp_path / "targets.txt"
    rows = [("chr1", 4000, 4100), ("chr2", 100, 2000)]
    made = package.predict(model, rows, tmp_path / "genome.fa", targets)
    assert made.values.shape == (3, 64, 3) and made.values.dtype == np.float32
    assert made.chroms.tolist() == ["chr1", "chr2", "chr2"] and made.regions.tolist() == [0, 1, 1]
    assert made.starts[0] == 4050 - 512 and made.ends[0] == 4050 + 512
    frame = made.frame()
    assert list(frame) == ["chrom", "start", "end", "region", "up+", "up-", "open"]
    assert frame["open"].tolist() == made.track("open").reshape(-1).tolist()
    assert frame["start"][65] == made.bin_starts()[1, 1]
    # Tables and files are the same, and so are sequences of a file.
    table = pd.DataFrame(rows, columns=["chrom", "start", "end"])
    again = package.predict(model, table, tmp_path / "genome.fa", targets)
    np.testing.assert_array_equal(again.values, made.values)
    text = genome(tmp_path)["chr1"][4050 - 1024 : 4050 + 1024]
    (tmp_path / "one.fa").write_text(f">one\n{text}\n")
    settings = PredictSettings(tracks=("open",))
    one = package.predict(model, tmp_path / "one.fa", None, targets, settings=settings)
    np.testing.assert_allclose(one.values[0], made.values[0, :, 2:], rtol=1e-5)
    for wrong in ([("chr9", 1, 2)], [], [("chr1", 5, 2)], pd.DataFrame({"chrom": []})):
        with pytest.raises(ValueError, match=r"region"):
            package.predict(model, wrong, tmp_path / "genome.fa", targets)


def test_windows_leave_no_seams(tmp_path: Path) -> None:
    """Where all that a bin depends on is in the window, it does not matter which window it is."""
    trunk = [
        {"name": "conv_dna", "filters": 8, "kernel_size": 9, "pool_size": 4},
        {"name": "conv_block", "filters": 8, "kernel_size": 3, "pool_size": 4},
    ]
    section = {
        "seq_length": 512,
        "activation": "relu",
        "trunk": trunk,
        "head_a": {"name": "final", "units": 1, "activation": "softplus"},
    }
    model = package.load({"model": section})
    text = dna.decode(np.random.default_rng(1).integers(0, 4, 6000).astype("uint8"))
    (tmp_path / "genome.fa").write_text(f">chr1\n{text}\n")
    rows = TARGETS.splitlines()[0] + "\n0\topen\tx.bw\t32\t32\t2\tmean\t0\tATAC:open\n"
    (tmp_path / "targets.txt").write_text(rows)
    from whelp.genome.fasta import Fasta
    from whelp.predicting.forward import Forward, common_extent
    from whelp.predicting.run import Output, predict_windows
    from whelp.predicting.tiles import Tiling, Windows
    from whelp.predicting.tracks import OutputTracks
    from whelp.specs import TargetsTable

    table = TargetsTable.read(tmp_path / "targets.txt")
    tracks = OutputTracks(table, stride=16, old=False)
    extent = common_extent([model])
    assert extent.overlap() == 256
    with Fasta(tmp_path / "genome.fa") as fasta:
        windows = Windows(fasta.lengths, extent)
        windows.add("chr1", Tiling.of(extent).starts(1000, 5000), 0)
        forward = Forward.of_tracks([model], tracks, PredictSettings(batch_size=4))
        output = Output(tmp_path / "out", "bigwig", {})
        predict_windows(forward, tracks, windows, fasta, output=output)
    values = bigwig(tmp_path / "out/bigwig/open.bw", "chr1")[1000:5000]
    assert not np.isnan(values).any()
    first = int(windows.starts[0])
    # Any window that shows a bin with 64 bp on either side says the same of it.
    for start in range(first, 4500, 304):
        x = dna.one_hot(dna.encode(text[start : start + 512]))[None]
        wanted = np.asarray(model.predict_on_batch(x))[0, 4:-4, 0] / 2
        shown = np.arange(start + 64, start + 512 - 64, 16) + 8
        inside = (shown >= 1000) & (shown < 5000)
        np.testing.assert_allclose(values[shown[inside] - 1000], wanted[inside], rtol=1e-4)


def test_adapters_are_averaged(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    """Adapters on one base are replicates, as are whole models."""
    base = package.load(line[1], line[2])
    models, words = [], []
    for seed in range(2):
        adapted = package.adapt(base, {"mode": "adapter", "adapter": "ia3"})
        rng = np.random.default_rng(seed)
        for tensor in adapted.adapter_tensors().values():
            tensor.assign(1 + 0.3 * rng.normal(size=tensor.shape))
        path = tmp_path / f"adapter{seed}.safetensors"
        package.save_adapter(adapted, path)
        models.append(adapted)
        words += ["-a", path]
    bed = tmp_path / "row.bed"
    bed.write_text("chr1\t4000\t4001\n")
    words += ["-g", tmp_path / "genome.fa", "--format", "both", "-o", tmp_path / "out"]
    result = whelp(*line, bed, *words)
    assert result.exit_code == 0, result.output
    both, one, first, second = (
        package.predict(chosen, bed, tmp_path / "genome.fa", tmp_path / "targets.txt")
        for chosen in (models, base, *models)
    )
    made = read(tmp_path / "out")
    np.testing.assert_allclose(made["predictions"], both.values, rtol=1e-5, atol=1e-7)
    assert np.abs(both.values - one.values).max() > 1e-3 and one.spreads is None
    spread = np.std([first.values, second.values], axis=0, ddof=1)
    np.testing.assert_allclose(both.spreads, spread, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(both.frame()["open_sd"], spread[0, :, 2], rtol=1e-3, atol=1e-6)
    values = bigwig(tmp_path / "out/bigwig/open.sd.bw", "chr1")
    assert values[4000] == made["predictions_sd"][0, (4000 - 3488) // STRIDE, 2]


def test_replicates_of_variants(whelp: Callable[..., Any], line: list[Any], tmp_path: Path) -> None:
    """The spread of the change is that of differences, not the difference of spreads."""
    import keras

    keras.utils.set_random_seed(3)
    other = tmp_path / "other.h5"
    package.save_weights(package.load(line[1]), other)
    base = genome(tmp_path)["chr1"][4000]
    vcf = tmp_path / "one.vcf"
    vcf.write_text(f"chr1\t4001\tv\t{base}\t{'ACGT'['CATG'.index(base)]}\n")
    words = [vcf, "-g", tmp_path / "genome.fa", "--tracks", "open", "--format", "both", "-o"]
    assert whelp(*line, *words, tmp_path / "one").exit_code == 0
    assert whelp(*line[:2], other, *line[3:], *words, tmp_path / "two").exit_code == 0
    result = whelp(*line, *words, tmp_path / "both", "--replicate", other)
    assert result.exit_code == 0, result.output
    each = [read(tmp_path / name) for name in ("one", "two")]
    assert "reference_sd" not in each[0]
    made = read(tmp_path / "both")
    values = {name: np.array([one[name] for one in each]) for name in ("reference", "alternate")}
    values["change"] = values["alternate"] - values["reference"]
    assert values["change"].any()
    for name, both in values.items():
        if name in made:
            np.testing.assert_allclose(made[name], both.mean(axis=0), rtol=1e-5, atol=1e-7)
        wanted = both.std(axis=0, ddof=1)
        np.testing.assert_allclose(made[f"{name}_sd"], wanted, rtol=1e-3, atol=1e-6)
    names = {path.name for path in (tmp_path / "both/bigwig/0_v").iterdir()}
    kinds = ("ref", "alt", "change")
    assert names == {f"open.{kind}{end}" for kind in kinds for end in (".bw", ".sd.bw")}
