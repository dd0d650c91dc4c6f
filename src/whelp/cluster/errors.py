"""What can be wrong with a cluster."""

from __future__ import annotations


class ClusterError(RuntimeError):
    """A cluster that cannot be had, or was lost; the message says what to do."""
