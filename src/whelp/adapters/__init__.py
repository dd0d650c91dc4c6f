"""Adapters: a layer a method, plans of what to adapt, insertion, merging, adapter-only files."""

from whelp.adapters.adapter_file import (
    AdapterError,
    is_adapter_file,
    load_adapter,
    save_adapter,
)
from whelp.adapters.insertion import adapt, insert, merge, transfer_name, unmerge
from whelp.adapters.plan import Plan, make_plan

__all__ = [
    "AdapterError",
    "Plan",
    "adapt",
    "insert",
    "is_adapter_file",
    "load_adapter",
    "make_plan",
    "merge",
    "save_adapter",
    "transfer_name",
    "unmerge",
]
