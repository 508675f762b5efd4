"""Requests for walks from a picked point, and for what lies between their ends, with the `lossnav` commands that they mean."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

from lossnav.core import InputError
from lossnav.core.walk import Recipe
from platformdirs import user_cache_path

from .base import modified, stem
from .survey import SurveyRequest

MOST_STEPS = 5000


@dataclass(frozen=True)
class WalkRequest:
    """A walk of an optimiser from a point of a plane.

    plane   the landscape that it is seen on
    point   (alpha, beta) where it begins
    recipe  how it goes
    """

    plane: SurveyRequest
    point: tuple[float, float]
    recipe: Recipe

    @property
    def path(self) -> Path:
        """Where the walk is kept on this machine."""
        content = [self.arguments, modified(self.plane.target)]
        key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "walks" / f"{stem(self.plane.target)}-{key}.npz"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        recipe, (alpha, beta) = self.recipe, self.point
        words = ["walk", self.plane.target, *self.plane.plane_arguments, f"--at={alpha!r},{beta!r}"]
        words += ["--optimizer", recipe.optimizer, "--steps", str(recipe.steps), "--walk-seed", str(recipe.seed)]
        return words + ([] if recipe.optimizer == "flow" else ["--rate", repr(recipe.rate)])

    @property
    def text(self) -> str:
        """The walk as the address has it.

        >>> WalkRequest(SurveyRequest("gaussians-mlp"), (0.5, -1.0), Recipe("adam", 100, seed=2)).text
        'adam,100,0.001,2,0.5,-1.0'
        """
        recipe = self.recipe
        parts = (recipe.optimizer, recipe.steps, recipe.rate, recipe.seed, *self.point)
        return ",".join(map(str, parts))

    @classmethod
    def of_text(cls, plane: SurveyRequest, text: str) -> WalkRequest:
        """The walk that an address means on a plane.

        >>> plane = SurveyRequest("gaussians-mlp")
        >>> WalkRequest.of_text(plane, "adam,100,0.001,2,0.5,-1.0").text
        'adam,100,0.001,2,0.5,-1.0'

        Raises
        ------
        InputError  a text that means no walk
        """
        try:
            name, steps, rate, seed, alpha, beta = text.split(",")
            point = (float(alpha), float(beta))
            recipe = Recipe(name, int(steps), float(rate) or None, seed=int(seed))
        except ValueError as error:
            raise InputError(f"The address names a walk '{text[:60]}' that is none: it is left out.") from error
        if not all(map(math.isfinite, point)) or recipe.steps > MOST_STEPS:
            raise InputError(f"The address names a walk '{text[:60]}' that is too long or nowhere: it is left out.")
        return cls(replace_measuring(plane), point, recipe)


@dataclass(frozen=True)
class BasinsRequest:
    """Whether walks end in one basin.

    walks  in their order
    """

    walks: tuple[WalkRequest, ...]

    @property
    def path(self) -> Path:
        """Where the answer is kept on this machine."""
        key = hashlib.sha256(json.dumps(self.arguments).encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "basins" / f"{stem(self._target)}-{key}.json"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that compute it, without --out."""
        return ["basins", self._target, *(str(each.path) for each in self.walks)]

    @property
    def _target(self) -> str:
        return self.walks[0].plane.target


def replace_measuring(plane: SurveyRequest) -> SurveyRequest:
    """The plane alone, at its usual span: a walk does not depend on what else is measured there."""
    return replace(plane.plane_alone, zoom=1.0)
