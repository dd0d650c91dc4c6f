import os
import resource
import struct
import zlib

import numpy as np
import pytest

from whelp.data import RecordError, Window, WindowFormat, read_windows, tfrecord, write_windows
from whelp.data.example import parse_example, serialize_example
from whelp.data.tfrecord import read_frames, write_frames

FORM = WindowFormat(seq_length=4096, target_length=96, num_targets=22)


@pytest.fixture
def reference_file(golden):
    return golden / "data/raw/pct_main.train-0.tfr"


def test_reads_what_the_reference_wrote(golden, reference_file):
    windows = list(read_windows(reference_file, FORM))
    with np.load(golden / "data/pct_main/decoded.npz") as decoded:
        count = len(windows)
        assert count == 8
        assert np.array_equal([w.sequence for w in windows], decoded["train_seq"][:count])
        assert np.array_equal([w.target for w in windows], decoded["train_target"][:count])
    assert windows[0].target.dtype == np.float16


def test_a_file_of_an_empty_stream_has_no_records(golden):
    assert list(read_frames(golden / "data/raw/chr_nocrop_gz.test-1.tfr")) == []


def test_written_windows_are_read_back(tmp_path, reference_file):
    windows = list(read_windows(reference_file, FORM))
    assert write_windows(tmp_path / "copy.tfr", windows) == 8
    for old, new in zip(windows, read_windows(tmp_path / "copy.tfr", FORM), strict=True):
        assert np.array_equal(old.sequence, new.sequence)
        assert np.array_equal(old.target, new.target)


def test_no_windows_make_the_8_byte_file(tmp_path):
    assert write_windows(tmp_path / "none.tfr", []) == 0
    assert (tmp_path / "none.tfr").stat().st_size == 8
    assert list(read_windows(tmp_path / "none.tfr", FORM)) == []


def test_tensorflow_reads_what_is_written(tmp_path, reference_file):
    tf = pytest.importorskip("tensorflow", exc_type=ImportError)
    windows = list(read_windows(reference_file, FORM))
    path = tmp_path / "ours.tfr"
    write_windows(path, windows)
    features = {name: tf.io.FixedLenFeature([], tf.string) for name in ("sequence", "target")}
    records = tf.data.TFRecordDataset(str(path), compression_type="ZLIB")
    for window, record in zip(windows, records, strict=True):
        parsed = tf.io.parse_single_example(record, features)
        sequence = tf.io.decode_raw(parsed["sequence"], tf.uint8).numpy()
        target = tf.io.decode_raw(parsed["target"], tf.float16).numpy()
        assert np.array_equal(sequence, window.sequence)
        assert np.array_equal(target.reshape(96, 22), window.target)


def test_tensorflow_files_are_read(tmp_path):
    tf = pytest.importorskip("tensorflow", exc_type=ImportError)
    payloads = [os.urandom(5), b"", os.urandom(300_000)]
    path = str(tmp_path / "theirs.tfr")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="ZLIB")) as writer:
        for payload in payloads:
            writer.write(payload)
    assert list(read_frames(path)) == payloads


def test_large_records_cross_chunks(tmp_path):
    payloads = [bytes(5_000_000), os.urandom(3_000_000), b"x"]
    assert write_frames(tmp_path / "large.tfr", payloads) == 3
    assert list(read_frames(tmp_path / "large.tfr")) == payloads


def test_missing_file(tmp_path):
    with pytest.raises(RecordError, match=r"gone\.tfr: there is no such record file"):
        list(read_frames(tmp_path / "gone.tfr"))


def test_file_of_0_bytes(tmp_path):
    path = tmp_path / "zero.tfr"
    path.touch()
    with pytest.raises(RecordError, match=r"zero\.tfr: the record file is empty \(0 bytes\)"):
        list(read_frames(path))


@pytest.mark.parametrize("kept", [1, 7, 100, 5_000, 22_000, -5, -1])
def test_truncated_file_is_named_with_the_record(tmp_path, reference_file, kept):
    path = tmp_path / "cut.tfr"
    path.write_bytes(reference_file.read_bytes()[:kept])
    good = []
    with pytest.raises(RecordError, match=r"cut\.tfr, record \d: the file is cut short") as caught:
        good.extend(read_windows(path, FORM))
    assert caught.value.record <= 8
    assert caught.value.path == path


def test_reading_stops_at_the_damaged_record(tmp_path, reference_file):
    payloads = list(read_frames(reference_file))
    content = b"".join(_frame(payload) for payload in payloads)
    size = len(_frame(payloads[0]))
    flipped = bytearray(content)
    flipped[5 * size + 2_000] ^= 1
    path = _compressed(tmp_path, flipped)
    windows = read_windows(path, FORM)
    for _ in range(5):
        next(windows)
    with pytest.raises(RecordError, match="record 5: the checksum of its content is wrong"):
        next(windows)


def test_damaged_length(tmp_path, reference_file):
    frame = bytearray(_frame(b"payload"))
    frame[0] ^= 1
    with pytest.raises(RecordError, match="record 0: the checksum of its length is wrong"):
        list(read_frames(_compressed(tmp_path, frame)))


def test_stream_that_ends_inside_a_record(tmp_path):
    frames = _frame(b"first") + _frame(b"second")
    with pytest.raises(RecordError, match="record 1: the record is cut short: 4 of 6 bytes"):
        list(read_frames(_compressed(tmp_path, frames[:-6])))
    with pytest.raises(RecordError, match="record 1: the record is cut short: 3 of 12 header"):
        list(read_frames(_compressed(tmp_path, frames[:24])))


def test_damaged_compressed_data(tmp_path, reference_file):
    content = bytearray(reference_file.read_bytes())
    content[9_000:9_040] = bytes(40)
    path = tmp_path / "damaged.tfr"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"damaged\.tfr, record \d"):
        list(read_windows(path, FORM))


def test_foreign_files(tmp_path):
    path = tmp_path / "foreign.tfr"
    path.write_bytes(_frame(b"uncompressed"))
    with pytest.raises(RecordError, match="damaged or not ZLIB"):
        list(read_frames(path))
    path.write_bytes(zlib.compress(b"some text that is no record") + b"more")
    with pytest.raises(RecordError, match="not a TFRecord file"):
        list(read_frames(path))
    path.write_bytes(zlib.compress(_frame(b"one")) + b"more")
    with pytest.raises(RecordError, match="record 1: data follow the end"):
        list(read_frames(path))


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        ({"sequence": bytes(8)}, "no feature 'target'; features here: sequence"),
        (
            {"sequence": bytes(7), "target": bytes(24)},
            "the sequence has 7 bytes, expected 8 bp x 1",
        ),
        ({"sequence": b"\5" * 8, "target": bytes(24)}, "base index 5, expected 0 to 4"),
        ({"sequence": bytes(8), "target": bytes(8)}, "1 tracks of 4 16-bit values, expected 3"),
        ({"sequence": bytes(8), "target": bytes(25)}, "the target has 25 bytes"),
    ],
)
def test_records_of_another_form(tmp_path, features, problem):
    path = tmp_path / "other.tfr"
    form = WindowFormat(seq_length=8, target_length=4, num_targets=3)
    good = serialize_example({"sequence": bytes(8), "target": bytes(24)})
    write_frames(path, [good, serialize_example(features)])
    windows = read_windows(path, form)
    next(windows)
    with pytest.raises(RecordError, match=f"other.tfr, record 1: .*{problem}"):
        next(windows)


def test_one_hot_records_become_indexes(tmp_path):
    index = np.array([2, 4, 0, 3], dtype=np.uint8)
    rows = np.eye(5, 4, dtype=np.uint8)[index]
    target = np.ones((2, 1), dtype=np.float16)
    path = tmp_path / "one_hot.tfr"
    example = serialize_example({"sequence": rows.tobytes(), "target": target.tobytes()})
    write_frames(path, [example])
    (window,) = read_windows(path, WindowFormat(4, 2, 1, index=False))
    assert np.array_equal(window.sequence, index)


def test_examples_of_tensorflow_are_parsed():
    tf = pytest.importorskip("tensorflow", exc_type=ImportError)
    long = os.urandom(70_000)
    feature = {
        "short": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a"])),
        "long": tf.train.Feature(bytes_list=tf.train.BytesList(value=[long])),
        "none": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b""])),
    }
    payload = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    parsed = {name: bytes(value) for name, value in parse_example(payload).items()}
    assert parsed == {"short": b"a", "long": long, "none": b""}
    again = tf.train.Example.FromString(serialize_example(parsed))
    assert again.features.feature["long"].bytes_list.value[0] == long
    feature["floats"] = tf.train.Feature(float_list=tf.train.FloatList(value=[1.0]))
    payload = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    with pytest.raises(ValueError, match="feature 'floats' holds floats, expected bytes"):
        parse_example(payload)


@pytest.mark.parametrize("payload", [b"\x0a\xff\x01", b"\x0b", b"\x80" * 12, b"\x0a"])
def test_other_payloads_are_no_examples(payload):
    with pytest.raises(ValueError, match="not a tf.train.Example"):
        parse_example(payload)


def test_random_bytes_never_crash_the_parser():
    rng = np.random.default_rng(0)
    good = serialize_example({"sequence": bytes(20), "target": bytes(30)})
    for _ in range(2_000):
        payload = bytearray(good)
        payload[rng.integers(len(payload))] = rng.integers(256)
        try:
            parse_example(bytes(payload))
        except ValueError:
            continue


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "kept.tfr"
    write_frames(path, [b"old"])

    def payloads():
        yield b"new"
        raise RuntimeError("the source fails")

    with pytest.raises(RuntimeError, match="the source fails"):
        write_frames(path, payloads())
    assert list(read_frames(path)) == [b"old"]
    assert [file.name for file in tmp_path.iterdir()] == ["kept.tfr"]


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_frames(tmp_path / "new.tfr", [os.urandom(100_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_unfit_windows_are_not_written(tmp_path):
    good = np.zeros(4, dtype=np.uint8)
    with pytest.raises(ValueError, match="at most 65504"):
        write_windows(tmp_path / "a.tfr", [Window(good, np.full((2, 1), 7e4))])
    with pytest.raises(ValueError, match="base indexes"):
        write_windows(tmp_path / "a.tfr", [Window(np.zeros((4, 4)), np.zeros((2, 1)))])
    assert list(tmp_path.iterdir()) == []


def _frame(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    crc = [struct.pack("<I", tfrecord.masked_crc(part)) for part in (length, payload)]
    return length + crc[0] + payload + crc[1]


def _compressed(folder, content):
    path = folder / "made.tfr"
    path.write_bytes(zlib.compress(bytes(content)))
    return path
