"""Data sets made from a genome and tracks: windows, folds, coverage, records.

Nothing here knows Keras. The names are imported when first used, so that worker processes start
quickly.
"""

from typing import TYPE_CHECKING

from whelp.lazy import lazy_names

if TYPE_CHECKING:
    from whelp.making.build import make_data as make_data
    from whelp.making.options import DataSettings as DataSettings
    from whelp.making.options import DataSummary as DataSummary
    from whelp.making.options import MakingError as MakingError
    from whelp.making.options import Progress as Progress
    from whelp.making.options import TrackSummary as TrackSummary
    from whelp.making.parts import PartSummary as PartSummary
    from whelp.making.parts import gather_data as gather_data
    from whelp.making.parts import make_part as make_part
    from whelp.making.plan import WindowPlan as WindowPlan
    from whelp.making.plan import plan_windows as plan_windows
    from whelp.making.settings import WindowSettings as WindowSettings
    from whelp.making.windows import LabeledWindow as LabeledWindow
    from whelp.making.windows import WindowError as WindowError
    from whelp.making.windows import read_windows_bed as read_windows_bed
    from whelp.making.windows import write_windows_bed as write_windows_bed

_LAZY = {
    "DataSettings": "options",
    "DataSummary": "options",
    "LabeledWindow": "windows",
    "MakingError": "options",
    "PartSummary": "parts",
    "Progress": "options",
    "TrackSummary": "options",
    "WindowError": "windows",
    "WindowPlan": "plan",
    "WindowSettings": "settings",
    "gather_data": "parts",
    "make_data": "build",
    "make_part": "parts",
    "plan_windows": "plan",
    "read_windows_bed": "windows",
    "write_windows_bed": "windows",
}
"""Public name -> the module of this package that defines it."""

__all__ = list(_LAZY)

__getattr__, __dir__ = lazy_names(__name__, _LAZY)
