"""Coverage of many groups at once from reads in the order of the genome, in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from whelp.genome.bigwig import Runs

_RUN = np.dtype([("contig", "<i4"), ("start", "<i4"), ("end", "<i4"), ("value", "<i4")])
_CHUNK = 1 << 20
"""Runs that are read back at once."""

IntArray = npt.NDArray[np.int64]


class Pileup:
    """The coverage of one group and strand, on its way to disk.

    Stretches are added in the order of their reads. What lies before the current read is final: it
    is turned into runs of equal coverage and put at the end of a file, so that only what the reads
    around the current place cover is kept.

    Args:
        path: File of the runs; it is made when there are some.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts = array("q")
        self._ends = array("q")
        self._positions: IntArray = np.zeros(0, dtype=np.int64)
        self._changes: IntArray = np.zeros(0, dtype=np.int64)
        self._at = 0
        self._depth = 0

    def add(self, start: int, end: int) -> None:
        """Count a stretch of the current contig, bp from 0, end exclusive."""
        self._starts.append(start)
        self._ends.append(end)

    @property
    def pending(self) -> int:
        """Stretches that were added since the last settling."""
        return len(self._starts)

    def settle(self, contig: int, upto: int) -> None:
        """Write the runs that end before a position, before which nothing will be added any more.

        Args:
            contig: Number of the current contig.
            upto: Position, bp.
        """
        self._merge()
        count = int(np.searchsorted(self._positions, upto, side="left"))
        if not count:
            return
        places, changes = self._positions[:count], self._changes[:count]
        self._positions, self._changes = self._positions[count:], self._changes[count:]
        depths = self._depth + np.cumsum(changes)
        starts = np.concatenate(([self._at], places[:-1]))
        values = np.concatenate(([self._depth], depths[:-1]))
        self._write(contig, starts, places, values)
        self._at, self._depth = int(places[-1]), int(depths[-1])

    def finish(self, contig: int, length: int) -> None:
        """Write the rest of a contig, zeros included, and begin anew for the next."""
        self.settle(contig, length + 1)
        self._write(contig, np.array([self._at]), np.array([length]), np.array([self._depth]))
        self._at = self._depth = 0

    def _merge(self) -> None:
        """Put what was added among the changes of depth: +1 at each start and -1 at each end."""
        if not self._starts:
            return
        starts, ends = np.array(self._starts), np.array(self._ends)
        self._starts, self._ends = array("q"), array("q")
        places = np.concatenate((self._positions, starts, ends))
        steps = np.concatenate((self._changes, np.ones_like(starts), -np.ones_like(ends)))
        self._positions, inverse = np.unique(places, return_inverse=True)
        # Sums of whole numbers below 2^53 are exact in the floats that bincount takes.
        sums = np.bincount(inverse.ravel(), weights=steps, minlength=len(self._positions))
        kept = sums != 0
        self._positions = self._positions[kept]
        self._changes = sums[kept].astype(np.int64)

    def _write(self, contig: int, starts: IntArray, ends: IntArray, values: IntArray) -> None:
        kept = ends > starts
        runs = np.zeros(int(kept.sum()), dtype=_RUN)
        runs["contig"], runs["start"] = contig, starts[kept]
        runs["end"], runs["value"] = ends[kept], values[kept]
        if len(runs):
            with self.path.open("ab") as file:
                runs.tofile(file)


def read_runs(path: Path, contigs: Sequence[str]) -> Iterator[Runs]:
    """Read the runs of a pileup, contig by contig.

    Args:
        path: The pileup's file; one that is not there holds none.
        contigs: Names of the contigs.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        while len(runs := np.fromfile(file, dtype=_RUN, count=_CHUNK)):
            bounds = np.flatnonzero(np.diff(runs["contig"])) + 1
            for part in np.split(runs, bounds):
                name = contigs[int(part["contig"][0])]
                yield Runs(name, part["start"], part["end"], part["value"])


class Pileups:
    """The coverage of many groups and strands, settled whenever much has come together.

    Args:
        folder: Folder of the files of runs.
        lengths: Contig -> its length in bp.
        count: Number of pileups.
        most: Stretches that are kept at most.
    """

    def __init__(
        self, folder: Path, lengths: Mapping[str, int], *, count: int, most: int = 1 << 22
    ) -> None:
        self.contigs = list(lengths)
        self._lengths = list(lengths.values())
        self._tracks = [Pileup(folder / f"{at}.runs") for at in range(count)]
        self._most = most
        self._pending = 0
        self._contig = -1
        self._used = False

    def move(self, contig: int, position: int) -> None:
        """Say where the current read begins: a contig's number and a position in bp."""
        if contig != self._contig:
            self.finish()
            self._contig = contig
        elif self._pending > self._most:
            self._pending = 0
            for track in self._tracks:
                if track.pending:
                    track.settle(contig, position)

    def add(self, track: int, start: int, end: int) -> None:
        """Count a stretch of the current contig for a track."""
        self._tracks[track].add(start, end)
        self._pending += 1
        self._used = True

    def finish(self) -> None:
        """Write what is left of the current contig, for all tracks if one has something on it."""
        if self._used:
            for track in self._tracks:
                track.finish(self._contig, self._lengths[self._contig])
        self._pending = 0
        self._used = False

    def runs(self, track: int) -> Iterator[Runs]:
        """Runs of a track, after the last contig was finished."""
        return read_runs(self._tracks[track].path, self.contigs)
