"""The section `train`: loss, optimiser, schedule and length of training."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from whelp.specs.base import (
    Above0,
    LowerCase,
    Natural,
    NonNegative,
    Positive,
    Rate,
    Spec,
    Whole,
)
from whelp.specs.errors import expected

LossName = Literal["poisson", "poisson_mn", "poisson_kl", "mse", "mse_udot", "bce"]
OptimizerName = Literal["sgd", "momentum", "adam", "adamw"]

_CYCLE = (
    "initial_learning_rate",
    "maximal_learning_rate",
    "final_learning_rate",
    "train_epochs_cycle1",
)


class TrainSpec(Spec):
    """The section `train`. Names and defaults are Baskerville's; the last group is whelp's own."""

    batch_size: Positive = Field(1, description="windows per step, over all devices")
    shuffle_buffer: Positive = Field(128, description="windows")
    num_gpu: Positive = 1

    loss: Annotated[LossName, LowerCase] = "poisson"
    spec_weight: NonNegative = Field(1, description="of poisson_kl and mse_udot")
    total_weight: NonNegative = Field(1, description="of poisson_mn: weight of the window's sum")
    weight_range: Annotated[float, Field(ge=1)] = Field(
        1, description="of poisson_mn: bins in the middle weigh this times those at the ends"
    )
    weight_exp: Above0 = Field(1, description="of poisson_mn: how steeply weights fall")

    optimizer: Annotated[OptimizerName, LowerCase] = "sgd"
    learning_rate: NonNegative = 0.01
    momentum: Rate = Field(0.99, description="of sgd")
    adam_beta1: Rate = 0.9
    adam_beta2: Rate = 0.999
    weight_decay: NonNegative = Field(0, description="of adamw")
    clip_norm: Above0 | None = Field(None, description="largest norm of each tensor's gradient")
    clipnorm: Above0 | None = Field(None, description="another name of clip_norm")
    global_clipnorm: Above0 | None = Field(None, description="largest norm of all gradients")
    agc_clip: Above0 | None = Field(
        None, description="adaptive clipping: share of the weight's norm"
    )

    warmup_steps: Natural | None = Field(None, description="steps of linear warm-up from 0")
    decay_steps: Natural | None = Field(None, description="steps of exponential decay; 0 for none")
    decay_rate: Above0 = 0.96
    initial_learning_rate: NonNegative | None = Field(None, description="of the one-cycle schedule")
    maximal_learning_rate: NonNegative | None = None
    final_learning_rate: NonNegative | None = None
    train_epochs_cycle1: Positive | None = Field(None, description="epochs to the maximum")

    patience: Natural = Field(20, description="epochs without improvement before training stops")
    train_epochs_min: Natural = 1
    train_epochs_max: Positive = 10000

    seed: Whole = 0
    gradient_accumulation: Positive = Field(1, description="batches per step of the optimiser")
    average_weights: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="momentum of an exponential moving average of the weights"
    )
    adapter_after: Natural = Field(0, description="epochs of training the head alone first")

    @property
    def is_one_cycle(self) -> bool:
        """Whether the learning rate follows the one-cycle schedule."""
        return self.maximal_learning_rate is not None

    @property
    def tensor_clipnorm(self) -> float | None:
        """Largest norm of each tensor's gradient, by whichever key it was given."""
        return self.clip_norm if self.clip_norm is not None else self.clipnorm

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.train_epochs_min > self.train_epochs_max:
            limit = f"at most train_epochs_max, {self.train_epochs_max}"
            raise expected(limit, key="train_epochs_min")
        if None not in (self.clip_norm, self.clipnorm) and self.clip_norm != self.clipnorm:
            raise expected("the same as clip_norm, or one of the two", key="clipnorm")
        if None not in (self.tensor_clipnorm, self.global_clipnorm):
            raise expected("either this or clip_norm, not both", key="global_clipnorm")
        given = [key for key in _CYCLE if getattr(self, key) is not None]
        missing = [key for key in _CYCLE if key not in given]
        if given and missing:
            wanted = f"{', '.join(missing)} beside it, for the one-cycle schedule"
            raise expected(wanted, key=given[0])
        return self
