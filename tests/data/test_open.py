import json

import numpy as np
import pandas as pd
import pytest

from whelp.data import (
    DataError,
    RecordError,
    Window,
    WindowFormat,
    from_arrays,
    open_dataset,
    read_windows,
    write_windows,
)
from whelp.genome import dna


def edit_statistics(folder, **changes):
    path = folder / "statistics.json"
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


def test_real_windows(mm10):
    data = open_dataset(mm10, "valid", batch_size=4)
    assert (data.seq_length, data.target_length, data.num_targets) == (131_072, 2_048, 32)
    assert (data.pool_width, data.crop_bp, data.num_seqs, len(data)) == (32, 32_768, 13, 4)
    assert data.in_memory
    assert data.targets.identifier[0] == "CNhs10586+"
    assert data.strand_pair[:2].tolist() == [1, 0]
    x, y = data[3]
    assert x.shape == (1, 131_072, 4)
    assert y.shape == (1, 2_048, 32)
    assert x.dtype == y.dtype == np.float32


def test_file_order_is_that_of_sequences_bed(mm10):
    data = open_dataset(mm10, "train")
    bed = pd.read_csv(mm10 / "sequences.bed", sep="\t", names=["chrom", "start", "end", "split"])
    expected = bed[bed.split == "train"].reset_index(drop=True)
    pd.testing.assert_frame_equal(data.windows, expected)
    assert (data.windows.end - data.windows.start == 2_048 * 32).all()
    form = WindowFormat(131_072, 2_048, 32)
    last = list(read_windows(mm10 / "tfrecords/train-6.tfr", form))[-1]
    assert np.array_equal(data[27][0][0], dna.one_hot(last.sequence))


def test_files_are_read_in_natural_order(make_directory, toy_windows):
    folder = make_directory(toy_windows(12), per_file=1)
    data = open_dataset(folder, batch_size=12)
    assert data[0][1][:, 0, 0].tolist() == list(range(12))


def test_pattern_takes_files_of_any_split(mm10):
    data = open_dataset(mm10, pattern="*-[13].tfr")
    assert data.num_seqs == 4 + 4 + 4 + 4 + 1 + 1
    windows = data.windows
    assert windows.split.tolist() == ["test"] * 5 + ["train"] * 8 + ["valid"] * 5
    test = open_dataset(mm10, "test").windows
    expected = test.iloc[[4, 5, 6, 7, 12]].reset_index(drop=True)
    pd.testing.assert_frame_equal(windows[:5], expected)


def test_a_table_slices_targets(mm10, tmp_path):
    whole = open_dataset(mm10, "test", batch_size=2)
    table = whole.targets.loc[[30, 31, 2, 3]]
    table.to_csv(tmp_path / "slice.txt", sep="\t")
    data = open_dataset(mm10, "test", targets_file=tmp_path / "slice.txt", batch_size=2)
    assert data.num_targets == 4
    assert data.strand_pair.tolist() == [1, 0, 3, 2]
    assert np.array_equal(data[1][1], whole[1][1][:, :, [30, 31, 2, 3]])
    assert data.targets.identifier.tolist() == table.identifier.tolist()


def test_half_of_a_strand_pair_can_be_read_but_not_reversed(mm10, tmp_path):
    table = open_dataset(mm10, "test").targets.loc[[0, 2]]
    table.to_csv(tmp_path / "plus.txt", sep="\t")
    data = open_dataset(mm10, "test", targets_file=tmp_path / "plus.txt")
    assert data[0][1].shape == (1, 2_048, 2)
    with pytest.raises(DataError, match="Take both strands of a track or neither"):
        open_dataset(mm10, "test", targets_file=tmp_path / "plus.txt", augment_rc=True)


def test_a_table_with_an_unknown_track(mm10, tmp_path):
    (tmp_path / "more.txt").write_text("\tidentifier\n31\ta\n32\tb\n")
    with pytest.raises(DataError, match="track number 32 is not in .*, which has tracks 0 to 31"):
        open_dataset(mm10, "test", targets_file=tmp_path / "more.txt")


def test_sequences_are_cropped_around_the_middle(mm10):
    whole = open_dataset(mm10, "test")
    part = open_dataset(mm10, "test", seq_length=98_304)
    assert (part.seq_length, part.crop_bp) == (98_304, 16_384)
    assert np.array_equal(part[2][0], whole[2][0][:, 16_384:-16_384])
    assert np.array_equal(part[2][1], whole[2][1])
    for length in (131_073, 131_071, 200_000, 65_534):
        with pytest.raises(DataError, match="cannot be cropped"):
            open_dataset(mm10, "test", seq_length=length)


def test_arrays_give_back_the_records(golden, mm10):
    x, y = open_dataset(mm10, "test").arrays()
    assert x.shape == (13, 131_072)
    assert x.dtype == np.uint8
    assert y.shape == (13, 2_048, 32)
    assert y.dtype == np.float16
    sparse = open_dataset(mm10, "test", memory_budget=0).arrays(step=4, dtype=np.float32)[1]
    assert sparse.dtype == np.float32
    assert np.array_equal(sparse, y[:, ::4])


def test_windows_are_counted_not_believed(golden, tmp_path):
    """The reference's statistics.json says 39 where 33 windows were written."""
    source = golden / "data/pct_main"
    folder = tmp_path / "pct_main"
    (folder / "tfrecords").mkdir(parents=True)
    for name in ("statistics.json", "sequences.bed"):
        (folder / name).write_bytes((source / name).read_bytes())
    (folder / "targets.txt").write_text(
        "\tidentifier\n" + "".join(f"{track}\tt{track}\n" for track in range(22))
    )
    with np.load(source / "decoded.npz") as decoded:
        windows = list(zip(decoded["train_seq"], decoded["train_target"], strict=True))
    for number, start in enumerate(range(0, 33, 8)):
        part = [Window(*window) for window in windows[start : start + 8]]
        write_windows(folder / f"tfrecords/train-{number}.tfr", part)
    for budget in (1 << 30, 0):
        data = open_dataset(folder, "train", batch_size=4, memory_budget=budget)
        assert (data.num_seqs, len(data)) == (33, 9)
        assert len(data.windows) == 33
        assert len(data.with_options(shuffle=True)) == 8


def test_no_directory_and_no_statistics(tmp_path):
    with pytest.raises(DataError, match="gone: there is no such directory. Expected a data dir"):
        open_dataset(tmp_path / "gone")
    with pytest.raises(DataError, match="there is no statistics.json"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "this is not JSON"),
        ("[]", "expected a JSON object, received list"),
        ("{}", "the key 'seq_length' is missing"),
    ],
)
def test_statistics_that_are_none(broken_mm10, content, problem):
    (broken_mm10 / "statistics.json").write_text(content)
    with pytest.raises(DataError, match=f"statistics.json: .*{problem}"):
        open_dataset(broken_mm10)


@pytest.mark.parametrize("key", ["seq_length", "target_length", "num_targets", "pool_width"])
def test_statistics_with_missing_or_wrong_values(broken_mm10, key):
    for value, problem in [(0, f"{key} is 0"), ("1", f"{key} is '1'"), (2.5, f"{key} is 2.5")]:
        edit_statistics(broken_mm10, **{key: value})
        with pytest.raises(DataError, match=problem + ", expected a whole number"):
            open_dataset(broken_mm10)
    edit_statistics(broken_mm10, **{key: None})
    with pytest.raises(DataError, match=f"the key '{key}' is missing; keys here: "):
        open_dataset(broken_mm10)


def test_statistics_may_be_sparse(broken_mm10):
    edit_statistics(broken_mm10, crop_bp=None, train_seqs=None)
    (broken_mm10 / "sequences.bed").unlink()
    for budget in (1 << 30, 0):
        data = open_dataset(broken_mm10, memory_budget=budget)
        assert (data.crop_bp, data.num_seqs) == (32_768, 28)
    with pytest.raises(DataError, match="there is no sequences.bed"):
        _ = data.windows


def test_another_depth(broken_mm10):
    edit_statistics(broken_mm10, seq_depth=5)
    with pytest.raises(DataError, match="seq_depth is 5"):
        open_dataset(broken_mm10)


def test_num_targets_disagree_with_the_table(broken_mm10):
    edit_statistics(broken_mm10, num_targets=31)
    with pytest.raises(DataError, match=r"targets.txt has 32 tracks, .* statistics.json is 31"):
        open_dataset(broken_mm10)


@pytest.mark.parametrize("budget", [1 << 30, 0])
def test_num_targets_disagree_with_the_records(broken_mm10, budget):
    edit_statistics(broken_mm10, num_targets=2)
    (broken_mm10 / "targets.txt").write_text("\tidentifier\n0\ta\n1\tb\n")
    with pytest.raises(RecordError, match=r"train-\d.tfr, record 0: .* = 32 tracks .*expected 2"):
        open_dataset(broken_mm10, memory_budget=budget)[0]


def test_one_hot_statistics_with_index_records(broken_mm10):
    edit_statistics(broken_mm10, seq_1hot=False)
    with pytest.raises(RecordError, match=r"131,072 bp x 4 = 524,288. Do seq_length and seq_1hot"):
        open_dataset(broken_mm10)


def test_split_and_pattern_without_files(broken_mm10):
    with pytest.raises(DataError, match=r"'dev-\*.tfr'; there are: test-\*.tfr \(4\), train-"):
        open_dataset(broken_mm10, "dev")
    with pytest.raises(DataError, match=r"no file matches 'x\*'"):
        open_dataset(broken_mm10, pattern="x*")
    for file in (broken_mm10 / "tfrecords").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="there are: no .tfr files"):
        open_dataset(broken_mm10)
    (broken_mm10 / "tfrecords").rmdir()
    with pytest.raises(DataError, match="there is no directory tfrecords/"):
        open_dataset(broken_mm10)


def test_what_an_interrupted_writer_leaves_is_not_read(broken_mm10):
    (broken_mm10 / "tfrecords/.train-0.abc.part.tfr").write_bytes(b"half")
    assert open_dataset(broken_mm10).num_seqs == 28
    assert open_dataset(broken_mm10, pattern="*.tfr").num_seqs == 54


def test_files_without_records(broken_mm10):
    with pytest.raises(DataError, match="the 1 record files hold no windows"):
        open_dataset(broken_mm10, pattern="train-7.tfr")


@pytest.mark.parametrize("budget", [1 << 30, 0])
@pytest.mark.parametrize("size", [0, 100_000])
def test_damaged_files_are_named_on_opening_or_reading(broken_mm10, budget, size):
    path = broken_mm10 / "tfrecords/train-3.tfr"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(RecordError, match=r"train-3.tfr") as caught:
        list(open_dataset(broken_mm10, memory_budget=budget))
    assert caught.value.record == (2 if size else None)


def test_files_that_do_not_fit_sequences_bed(make_directory, toy_windows):
    folder = make_directory(toy_windows(16), per_file=4)
    write_windows(folder / "tfrecords/train-1.tfr", toy_windows(3))
    data = open_dataset(folder, memory_budget=0)
    assert data.num_seqs == 16
    with pytest.raises(RecordError, match=r"train-1.tfr: the file holds 3 windows, expected 4"):
        list(data)
    data = open_dataset(folder)
    assert data.num_seqs == 15
    with pytest.raises(
        DataError, match="has 16 windows of split 'train', the record files hold 15"
    ):
        _ = data.windows


def test_missing_strand_pairs(broken_mm10):
    table = pd.read_csv(broken_mm10 / "targets.txt", sep="\t", index_col=0)
    table.drop(columns="strand_pair").to_csv(broken_mm10 / "targets.txt", sep="\t")
    assert open_dataset(broken_mm10).strand_pair is None
    with pytest.raises(DataError, match="has no column strand_pair. Add it .*or turn augment_rc"):
        open_dataset(broken_mm10, augment_rc=True)


def test_broken_strand_pairs(broken_mm10):
    table = pd.read_csv(broken_mm10 / "targets.txt", sep="\t", index_col=0)
    table.loc[3, "strand_pair"] = 5
    table.to_csv(broken_mm10 / "targets.txt", sep="\t")
    with pytest.raises(DataError, match=r"mm10 \(train\): targets table: row 2.strand_pair"):
        open_dataset(broken_mm10, augment_rc=True)


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({"batchsize": 2}, TypeError, "no option 'batchsize'; options: batch_size, shuffle"),
        ({"batch_size": 0}, ValueError, "batch_size is 0, expected a whole number of at least 1"),
        ({"batch_size": 2.0}, ValueError, "batch_size is 2.0"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"augment_shift": -3}, ValueError, "received -3"),
        ({"diagonal_offset": 2}, DataError, "2048 targets are not an upper triangle"),
    ],
)
def test_impossible_options(mm10, options, error, problem):
    with pytest.raises(error, match=problem):
        open_dataset(mm10, "test", **options)


def test_no_targets_table(broken_mm10):
    (broken_mm10 / "targets.txt").unlink()
    with pytest.raises(DataError, match="targets.txt: there is no such targets table"):
        open_dataset(broken_mm10)


def test_a_bed_without_splits(broken_mm10):
    (broken_mm10 / "sequences.bed").write_text("chr1\t0\t5\n")
    with pytest.raises(DataError, match="sequences.bed: expected tab-separated"):
        open_dataset(broken_mm10)


def test_arrays_of_indexes_and_of_one_hot_rows_are_the_same_data(toy_windows):
    windows = toy_windows(5)
    x = np.stack([window.sequence for window in windows])
    y = np.stack([window.target for window in windows])
    options = {"batch_size": 2, "augment_rc": True, "augment_shift": 2, "shuffle": True}
    one = from_arrays(x, y, strand_pair=[1, 0, 2], **options)
    two = from_arrays(dna.one_hot(x), y.astype(np.float32), strand_pair=[1, 0, 2], **options)
    for (x1, y1), (x2, y2) in zip(one, two, strict=True):
        assert np.array_equal(x1, x2)
        assert np.array_equal(y1, y2)
    assert one.targets.strand_pair.tolist() == [1, 0, 2]
    with pytest.raises(DataError, match="arrays have no coordinates"):
        _ = one.windows


def test_arrays_of_mixtures_are_kept(toy_windows):
    mixture = np.full((2, 8, 4), 0.25, dtype=np.float32)
    data = from_arrays(mixture, np.zeros((2, 4, 1)), batch_size=2)
    assert np.array_equal(data[0][0], mixture)


@pytest.mark.parametrize(
    ("x", "y", "problem"),
    [
        (np.zeros((2, 8), np.uint8), np.zeros((3, 4, 1)), "one window an entry"),
        (np.zeros((0, 8), np.uint8), np.zeros((0, 4, 1)), "one window an entry"),
        (np.zeros((2, 8)), np.zeros((2, 4, 1)), "received float64 of shape"),
        (np.full((2, 8), 7), np.zeros((2, 4, 1)), "base indexes are 0 to 4, received 7 to 7"),
        (np.zeros((2, 8, 5)), np.zeros((2, 4, 1)), "one-hot rows"),
    ],
)
def test_arrays_that_do_not_fit(x, y, problem):
    with pytest.raises(DataError, match=problem):
        from_arrays(x, y)


def test_tables_that_do_not_fit_arrays():
    x, y = np.zeros((2, 8), np.uint8), np.zeros((2, 4, 3))
    with pytest.raises(DataError, match="table has 1 tracks, y has 3"):
        from_arrays(x, y, targets=pd.DataFrame({"identifier": ["a"]}))
    with pytest.raises(DataError, match="strand_pair has 2 entries, y has 3 tracks"):
        from_arrays(x, y, strand_pair=[1, 0])
    with pytest.raises(DataError, match="no column strand_pair"):
        from_arrays(x, y, augment_rc=True)
