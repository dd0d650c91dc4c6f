"""What can go wrong when predictions are written."""


class PredictError(ValueError):
    """Input, model, targets or settings that do not go together, or results of another run."""
