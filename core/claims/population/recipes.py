"""How a network was made: what is known of its history, and the pairs of histories that are told apart."""

from __future__ import annotations

from dataclasses import dataclass

REAL, NEGATIVE, POSITIVE = "real", "negative control", "positive control"
FIRST_STEPS = 200


@dataclass(frozen=True)
class Recipe:
    """One history.

    optimiser  "sgd" or "adam"
    rate       learning rate
    batch      examples of a step, drawn without replacement within an epoch
    momentum   of SGD, heavy ball
    scale      s of initial weights N(0, s²/fan_in); biases 0
    initial    a seed that all networks of this recipe share their initial weights by; None: each its own
    first      the pool of examples of the first 200 steps; "shuffled": all, each network's labels in an order of its own
    noise      standard deviation of Gaussian noise on every component of every gradient
    """

    optimiser: str = "sgd"
    rate: float = 0.1
    batch: int = 32
    momentum: float = 0.0
    scale: float = 1.0
    initial: int | None = None
    first: str | None = None
    noise: float = 0.0


@dataclass(frozen=True)
class Contrast:
    """Two histories; `data` names the only data that it can be of, None: any."""

    name: str
    recipes: tuple[Recipe, Recipe]
    kind: str = REAL
    data: str | None = None


CONTRASTS = (
    Contrast("same", (Recipe(), Recipe()), NEGATIVE),
    Contrast("mirrored", (Recipe(first="A"), Recipe(first="B")), POSITIVE, "mirrored"),
    Contrast("pretask", (Recipe(first="low"), Recipe(first="high"))),
    Contrast("curriculum", (Recipe(first="easy"), Recipe(first="hard"))),
    Contrast("corrupt", (Recipe(), Recipe(first="shuffled"))),
    Contrast("lr", (Recipe(rate=0.05), Recipe(rate=0.3))),
    Contrast("batch", (Recipe(batch=8), Recipe(batch=128))),
    Contrast("adam", (Recipe(), Recipe(optimiser="adam", rate=0.005))),
    Contrast("momentum", (Recipe(), Recipe(rate=0.01, momentum=0.9))),
    Contrast("initscale", (Recipe(scale=0.8), Recipe(scale=1.25))),
    Contrast("initscale_weak", (Recipe(scale=0.95), Recipe(scale=1.05))),
    Contrast("initseed", (Recipe(initial=11), Recipe(initial=22))),
    Contrast("noise", (Recipe(), Recipe(noise=0.02))),
)


def contrast_of(name: str) -> Contrast:
    """The contrast of that name.

    >>> contrast_of("lr").recipes[1].rate
    0.3
    """
    return next(each for each in CONTRASTS if each.name == name)
