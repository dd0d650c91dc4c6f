"""From targets back to coverage: a model that predicts the records exactly gives the BigWigs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whelp.data import open_dataset
from whelp.genome import dna
from whelp.genome.bigwig import BigWig, write_bigwig_values
from whelp.making import DataSettings, WindowSettings, make_data
from whelp.predicting.errors import PredictError
from whelp.predicting.outputs import write_track_bigwig
from whelp.predicting.tiles import Extent, Windows
from whelp.predicting.tracks import OutputTracks, choose_tracks, file_names
from whelp.specs import TargetsTable

LENGTHS = {"chr1": 20_000, "chr2": 12_000}
WIDTH, BINS, CROP = 16, 64, 512
STATISTICS = ("sum", "sum_sqrt", "mean", "mean_sqrt", "max", "median", "sum_exp75", "peak")
HEADER = "\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription\n"


@pytest.fixture
def coverage(tmp_path: Path) -> Path:
    """A genome, and a BigWig with coverage of 0 to 4, some of it missing."""
    rng = np.random.default_rng(2)
    lines, values = [], []
    for name, length in LENGTHS.items():
        lines.append(f">{name}\n{dna.decode(rng.integers(0, 4, length).astype('uint8'))}\n")
        base = np.repeat(rng.gamma(0.5, 0.6, length // 10), 10).clip(0, 4)
        values.append((name, np.where(base < 0.02, np.nan, base)))
    (tmp_path / "genome.fa").write_text("".join(lines))
    write_bigwig_values(tmp_path / "cov.bw", LENGTHS, values)
    return tmp_path


def targets_table(path: Path, *rows: str) -> Path:
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def records(folder: Path, table: Path, **settings: Any) -> tuple[np.ndarray, Windows]:
    """Targets `(windows, bins, tracks)` of all windows, and where these are."""
    windows = WindowSettings(
        seq_length=2048, crop_bp=CROP, pool_width=WIDTH, valid=0.2, test=0.2, stride_train=1024
    )
    made = DataSettings(windows=windows, processes=1, **settings)
    make_data(folder / "genome.fa", table, folder / "data", made)
    placed = Windows(LENGTHS, Extent(2048, CROP, WIDTH, BINS))
    values = []
    for split in ("train", "valid", "test"):
        data = open_dataset(folder / "data", split)
        values.append(data.arrays()[1])
        for number, row in enumerate(data.windows.itertuples()):
            placed.add(row.chrom, [row.start], number)
    return np.concatenate(values), placed


@pytest.mark.parametrize("old", [False, True])
def test_records_that_are_predicted_exactly_are_the_bigwig(coverage: Path, old: bool) -> None:
    """Every statistic, a scale, and a soft clip that many bins are above."""
    kinds = [name for name in STATISTICS if not (old and name in ("sum_exp75", "peak"))]
    table = targets_table(
        coverage / "targets.txt",
        *(
            f"{at}\t{kind}\t{coverage}/cov.bw\t384\t{2 if at % 2 else 300}\t0.5\t{kind}\t{at}\tx"
            for at, kind in enumerate(kinds)
        ),
    )
    values, windows = records(coverage, table, transform_old=old)
    tracks = OutputTracks(TargetsTable.read(table), stride=WIDTH, old=old)
    rows = np.swapaxes(tracks(values), 1, 2).astype(np.float32)
    assert tracks.names == kinds
    with BigWig(coverage / "cov.bw") as file:
        truth = {name: np.nan_to_num(file.values(name, 0, size)) for name, size in LENGTHS.items()}
    for track, kind in enumerate(kinds):
        write_track_bigwig(coverage / "made.bw", windows, lambda: rows, track)
        with BigWig(coverage / "made.bw") as file:
            assert file.lengths == LENGTHS
            made = {name: file.values(name, 0, size) for name, size in LENGTHS.items()}
        compared = 0
        for number in range(len(windows)):
            chrom, start, end = windows.sequence(number)
            start, end = start + CROP, end - CROP
            bins = truth[chrom][start:end].reshape(-1, WIDTH)
            wanted = getattr(np, kind)(bins, 1) if kind in ("max", "median") else bins.mean(1)
            # A peak is not above 1: coverage of 0.25 / scale a base.
            wanted = np.minimum(wanted, 0.5) if kind == "peak" else wanted
            found = made[chrom][start:end].reshape(-1, WIDTH)
            # 16-bit floats have 11 bits, and squares and powers make the step larger.
            np.testing.assert_allclose(found.mean(1), wanted, rtol=5e-3, atol=2e-3, err_msg=kind)
            compared += int((wanted > 0).sum())
        assert compared > 500


def test_by_hand() -> None:
    """Sums of 16 bp, scale 0.5, soft clip 10: 96 a bin is y = sqrt(1 + 48) - 1 = 6, 6 a base."""
    rows = ("0\tup+\tx\t384\t10\t0.5\tsum_sqrt\t1\tx", "1\tup-\tx\t384\t10\t0.5\tsum_sqrt\t0\tx")
    table = table_of(*rows, "2\topen\tx\t384\t384\t2\tmean\t2\tATAC:open")
    tracks = OutputTracks(table, stride=16, old=False)
    # Above the soft clip: 9 + sqrt(13 - 9) = 11 stands for 13, and 13 for 195 a bin at scale 1.
    values = np.array([[[6.0, 11.0, 3.0]]])
    assert tracks(values).tolist() == [[[6.0, 195 / 8, 1.5]]]
    merged = OutputTracks(table, stride=16, old=False, merge=True)
    assert merged.names == ["up", "open"] and merged(values).tolist() == [[[6 + 195 / 8, 1.5]]]
    one = OutputTracks(table, stride=16, old=False, patterns=["up-"])
    # Its other strand must be predicted, too, for reverse complements.
    assert [row.index for row in one.targets.rows] == [0, 1] and one.names == ["up-"]
    assert one(values[..., :2]).tolist() == [[[195 / 8]]]
    with pytest.raises(PredictError, match="predictions of 1 of 3 tracks are not finite.*up-"):
        tracks(np.array([[[6.0, np.nan, 3.0]]]))


def table_of(*rows: str) -> TargetsTable:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return TargetsTable.read(targets_table(Path(folder) / "targets.txt", *rows))


def test_names_of_tracks() -> None:
    table = table_of(
        "4\tup+\tx\t1\t1\t1\tmean\t7\tRNA:liver",
        "7\tup-\tx\t1\t1\t1\tmean\t4\tRNA:liver",
        "9\tGSM/7 b\tx\t1\t1\t1\tmean\t9\tATAC:[liver]",
        "12\tgsm 7/B\tx\t1\t1\t1\tmean\t12\tATAC:lung",
    )
    assert choose_tracks(table, []) == [0, 1, 2, 3]
    assert choose_tracks(table, ["RNA:*"]) == choose_tracks(table, ["up"]) == [0, 1]
    assert choose_tracks(table, ["up-, 12"]) == [1, 3]
    assert choose_tracks(table, ["ATAC:[liver]", "4"]) == [0, 2]
    with pytest.raises(PredictError, match="no track of .* 'rna.'. It has up"):
        choose_tracks(table, ["up+", "rna*"])
    # Letters that files do not like, and names that differ by case only.
    assert file_names(table.rows) == ["up+", "up-", "GSM_7_b_9", "gsm_7_B_12"]
