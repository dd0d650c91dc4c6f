"""What can go wrong when variants are scored."""


class ScoreError(ValueError):
    """A model, targets or settings that do not go together, or results of another run."""
