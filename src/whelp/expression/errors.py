"""What can be wrong with genes, groups and windows that are to be compared."""


class ExpressionError(ValueError):
    """Expression of genes cannot be compared as asked; the message says why and what to do."""
