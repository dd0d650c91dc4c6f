"""Reports: tables in, plots and one self-contained HTML file out.

Nothing here knows Keras; matplotlib is imported only when something is drawn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whelp.report.assays import assay
    from whelp.report.comparison import comparison_report
    from whelp.report.dataset import DatasetTables, dataset_report
    from whelp.report.document import Report
    from whelp.report.records import RunSummary, ScatterSample, TrackSlice, WindowExample
    from whelp.report.tables import Column
    from whelp.report.training import training_report

__all__ = [
    "Column",
    "DatasetTables",
    "Report",
    "RunSummary",
    "ScatterSample",
    "TrackSlice",
    "WindowExample",
    "assay",
    "comparison_report",
    "dataset_report",
    "training_report",
]

_HOMES = {
    "Column": "tables",
    "DatasetTables": "dataset",
    "Report": "document",
    "RunSummary": "records",
    "ScatterSample": "records",
    "TrackSlice": "records",
    "WindowExample": "records",
    "assay": "assays",
    "comparison_report": "comparison",
    "dataset_report": "dataset",
    "training_report": "training",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
