"""What goes wrong with folds and replicates."""


class FoldsError(ValueError):
    """Folds that cannot be trained as asked; the message says what to change."""
