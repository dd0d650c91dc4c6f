"""How windows are predicted, and what is written."""

from __future__ import annotations

from dataclasses import dataclass

BIGWIGS = "bigwig"
"""Name of the folder of BigWigs."""

PREDICTIONS = "predictions.h5"
"""Name of the file of all predictions."""

SPREAD = "_sd"
"""NAME_sd is the data set of the spread of NAME over replicates."""

FORMATS = ("bigwig", "hdf5", "both")
"""What can be written."""


@dataclass(frozen=True)
class PredictSettings:
    """How windows are predicted.

    Attributes:
        tracks: Names of tracks, see `whelp.predicting.tracks.choose_tracks`; all where empty.
        merge_strands: Add the two strands of a track.
        rc: Average predictions over both strands.
        shifts: Shifts to average over, bp.
        overlap: By how many bp the predictions of neighbouring windows over a long region overlap;
            None for as much as gives each bin sequence on either side (see
            `whelp.predicting.tiles.Extent.overlap`).
        old: Whether the targets were squashed in the old way (released Borzoi models); None to take
            the model's word for it, or the new way if it says nothing.
        batch_size: Sequences that are run at a time.
    """

    tracks: tuple[str, ...] = ()
    merge_strands: bool = False
    rc: bool = False
    shifts: tuple[int, ...] = (0,)
    overlap: int | None = None
    old: bool | None = None
    batch_size: int = 1
