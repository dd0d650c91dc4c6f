"""The error of the benchmark of eQTLs."""


class EqtlError(ValueError):
    """Variants, scores and tissues that do not go together; it says which, and what to do."""
