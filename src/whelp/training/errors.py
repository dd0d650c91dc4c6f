"""What may go wrong in training, each with its own class."""


class TrainingError(RuntimeError):
    """Training cannot begin or go on. What was written before is whole."""


class NotFiniteError(TrainingError):
    """The loss or the weights are not finite numbers any more."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be written, cannot be read, or belongs to another training."""


class TrainingInterrupted(KeyboardInterrupt):
    """Training was interrupted from the keyboard; the message says how to go on."""
