"""What goes wrong with data on disk."""

from pathlib import Path


class DataError(ValueError):
    """A data set that cannot be used as it is; the message says where, why and what to do."""


class RecordError(DataError):
    """A record file that is missing, empty, cut short or damaged.

    Attributes:
        path: The file.
        record: Number of the record in the file, from 0; None if the file as a whole is meant.
    """

    def __init__(self, path: Path, record: int | None, problem: str) -> None:
        place = f"{path}, record {record}" if record is not None else f"{path}"
        super().__init__(f"{place}: {problem}")
        self.path = path
        self.record = record
