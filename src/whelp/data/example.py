"""The `tf.train.Example` message, read and written without protobuf.

Only what record files of sequences use: features that hold bytes. The message is, in protobuf's
terms,

    message Example { Features features = 1; }
    message Features { map<string, Feature> feature = 1; }
    message Feature { oneof kind { BytesList bytes_list = 1; FloatList f = 2; Int64List i = 3; } }
    message BytesList { repeated bytes value = 1; }

and a map entry is a message with the key as field 1 and the value as field 2
(https://protobuf.dev/programming-guides/encoding).
"""

from collections.abc import Iterator, Mapping

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KINDS = {1: "bytes", 2: "floats", 3: "integers"}


def parse_example(payload: bytes) -> dict[str, memoryview]:
    """Read the byte features of an example.

    Args:
        payload: A serialised `tf.train.Example`.

    Returns:
        Feature name -> its bytes, as views into `payload`.

    Raises:
        ValueError: If the payload is no such message, or a feature does not hold exactly one byte
            string.
    """
    features: dict[str, memoryview] = {}
    for features_message in _submessages(memoryview(payload), 1):
        for entry in _submessages(features_message, 1):
            name = b"".join(bytes(part) for part in _submessages(entry, 1)).decode()
            for feature in _submessages(entry, 2):
                features[name] = _bytes_of(name, feature)
    return features


def _bytes_of(name: str, feature: memoryview) -> memoryview:
    for number, value in _fields(feature):
        kind = _KINDS.get(number, f"field {number}")
        if kind != "bytes" or value is None:
            raise ValueError(f"feature {name!r} holds {kind}, expected bytes")
        values = list(_submessages(value, 1))
        if len(values) == 1:
            return values[0]
        raise ValueError(f"feature {name!r} holds {len(values)} byte strings, expected 1")
    raise ValueError(f"feature {name!r} is empty")


def _submessages(message: memoryview, number: int) -> Iterator[memoryview]:
    """Give the length-delimited fields that bear a number."""
    for field, value in _fields(message):
        if field == number and value is not None:
            yield value


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """Give number and content of each field; None for content that is not length-delimited."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        wire_type = key & 7
        if wire_type == _BYTES:
            size, start = _varint(message, position)
            position = start + size
            value = message[start:position]
        elif wire_type == _VARINT:
            _, position = _varint(message, position)
            value = None
        elif wire_type in (_FIXED32, _FIXED64):
            position += 4 if wire_type == _FIXED32 else 8
            value = None
        else:
            raise ValueError(f"not a tf.train.Example: wire type {wire_type} at byte {position}")
        if position > len(message):
            raise ValueError("not a tf.train.Example: a field runs past the end of its message")
        yield key >> 3, value


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Read a base-128 number; give it and the position after it."""
    value = 0
    for count, byte in enumerate(message[position : position + 10]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position + count + 1
    raise ValueError(f"not a tf.train.Example: no number at byte {position}")


def serialize_example(features: Mapping[str, bytes]) -> bytes:
    """Write an example that holds byte features, in the order given.

    Args:
        features: Feature name -> its bytes.

    Returns:
        A serialised `tf.train.Example`.
    """
    entries = (
        _field(1, name.encode()) + _field(2, _field(1, _field(1, value)))
        for name, value in features.items()
    )
    return _field(1, b"".join(_field(1, entry) for entry in entries))


def _field(number: int, content: bytes) -> bytes:
    size = len(content)
    encoded = bytearray([number << 3 | _BYTES])
    while size > 0x7F:
        encoded.append(size & 0x7F | 0x80)
        size >>= 7
    encoded.append(size)
    return bytes(encoded) + content
