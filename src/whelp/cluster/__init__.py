"""Jobs on a Dask cluster: of this machine, of a batch system, or one that is there already.

The only package that knows Dask, which is an extra: `pip install whelp[cluster]`. Those who have
work to be done know only the interface `whelp.workers.Runner`.
"""

from whelp.lazy import lazy_names

__all__ = ["ClusterError", "DaskRunner", "open_runner"]

_HOMES = {
    "ClusterError": "errors",
    "DaskRunner": "runner",
    "open_runner": "opening",
}
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
