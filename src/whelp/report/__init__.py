"""Reports: tables in, plots and one self-contained HTML file out.

Nothing here knows Keras; matplotlib is imported only when something is drawn.
"""

from typing import TYPE_CHECKING

from whelp.lazy import lazy_names

if TYPE_CHECKING:
    from whelp.report.assays import assay
    from whelp.report.attributions import AttributionTables, attributions_report
    from whelp.report.comparison import comparison_report
    from whelp.report.contributions import region_figure
    from whelp.report.dataset import DatasetTables, dataset_report
    from whelp.report.document import Report
    from whelp.report.eqtls import EqtlTables, eqtls_report
    from whelp.report.logos import Contributions, logo_figure
    from whelp.report.records import (
        ContrastSummary,
        GeneSummary,
        RunSummary,
        ScatterSample,
        TrackSlice,
        WindowExample,
    )
    from whelp.report.tables import Column
    from whelp.report.training import training_report
    from whelp.report.variant_picture import TrackChange, VariantPicture
    from whelp.report.variants import VariantTables, variants_report

__all__ = [
    "AttributionTables",
    "Column",
    "ContrastSummary",
    "Contributions",
    "DatasetTables",
    "EqtlTables",
    "GeneSummary",
    "Report",
    "RunSummary",
    "ScatterSample",
    "TrackChange",
    "TrackSlice",
    "VariantPicture",
    "VariantTables",
    "WindowExample",
    "assay",
    "attributions_report",
    "comparison_report",
    "dataset_report",
    "eqtls_report",
    "logo_figure",
    "region_figure",
    "training_report",
    "variants_report",
]

_HOMES = {
    "AttributionTables": "attributions",
    "Column": "tables",
    "ContrastSummary": "records",
    "Contributions": "logos",
    "DatasetTables": "dataset",
    "EqtlTables": "eqtls",
    "GeneSummary": "records",
    "Report": "document",
    "RunSummary": "records",
    "ScatterSample": "records",
    "TrackChange": "variant_picture",
    "TrackSlice": "records",
    "VariantPicture": "variant_picture",
    "VariantTables": "variants",
    "WindowExample": "records",
    "assay": "assays",
    "attributions_report": "attributions",
    "comparison_report": "comparison",
    "dataset_report": "dataset",
    "eqtls_report": "eqtls",
    "logo_figure": "logos",
    "region_figure": "contributions",
    "training_report": "training",
    "variants_report": "variants",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
