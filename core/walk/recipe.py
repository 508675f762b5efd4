"""How a walk goes: which optimiser, how many steps, how long, in which order the examples come."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import InputError, known

# name → what it is
OPTIMIZERS = {
    "sgd": "stochastic gradient descent",
    "adam": "Adam (Kingma & Ba 2015)",
    "sam": "sharpness-aware minimisation over SGD (Foret et al. 2021)",
    "flow": "gradient flow dθ/dt = −∇L on all examples",
}
RATES = {"sgd": 0.05, "adam": 1e-3, "sam": 0.05, "flow": 0.0}
MOST_RECORDS = 60


@dataclass(frozen=True)
class Recipe:
    """A walk's recipe.

    optimizer  a key of OPTIMIZERS
    steps      of the optimiser; of the flow steps of its integrator, whose length follows from the error that is allowed
    rate       learning rate; None: RATES; the flow has none
    batch      examples of a step; None: all. The flow takes all
    momentum   of SGD, and of the SGD that SAM stands on
    rho        SAM's radius, in parameter units
    seed       of the order in which examples come
    every      steps between two records; None: so many that there are 60 records or fewer

    Raises
    ------
    InputError  an unknown optimiser, numbers out of range

    >>> Recipe("sgd", 100).rate, Recipe("adam", 600).every
    (0.05, 10)
    """

    optimizer: str = "sgd"
    steps: int = 200
    rate: float | None = None
    batch: int | None = 32
    momentum: float = 0.0
    rho: float = 0.05
    seed: int = 0
    every: int | None = None

    def __post_init__(self) -> None:
        known(self.optimizer, OPTIMIZERS, "optimizer")
        for name, low in (("steps", 1), ("batch", 1), ("every", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < low:
                raise InputError(f"{name} should be {low} or more, but is {value}.")
        if self.optimizer == "flow":
            if self.rate:
                raise InputError("Gradient flow has no learning rate: leave it out, or choose sgd with a small one.")
            object.__setattr__(self, "batch", None)
        if self.rate is None:
            object.__setattr__(self, "rate", RATES[self.optimizer])
        if self.every is None:
            object.__setattr__(self, "every", -(-self.steps // MOST_RECORDS))
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum should be from 0 to below 1, but is {self.momentum:g}.")
        for name, number in (("rate", self.rate if self.optimizer != "flow" else 1.0), ("rho", self.rho)):
            if number is None or not 0 < number < float("inf"):
                raise InputError(f"{name} should be a positive number, but is {number}.")
