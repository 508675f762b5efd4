"""A request to put a claim to the test, and the `lossnav claims run` command that it means."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lossnav.core.claims import Plan, claim_of, code_hash, plan_of
from platformdirs import user_cache_path


@dataclass(frozen=True)
class ClaimRequest:
    """A run of a claim.

    quick                  a smaller one, for a look
    base, networks, data   None: as the claim has them
    """

    name: str
    quick: bool = False
    base: int | None = None
    networks: int | None = None
    data: str | None = None

    @property
    def plan(self) -> Plan:
        """The plan of the run."""
        return plan_of(claim_of(self.name), self.quick, self.base, self.networks, self.data)

    @property
    def source(self) -> str | None:
        """The problem's file that the examples are from; None: they are the claim's own."""
        return None if self.data is None or self.plan.data == (self.data,) else self.data

    @property
    def path(self) -> Path:
        """Where the result is kept on this machine."""
        content = json.dumps({"claim": self.name, **self.plan.as_json()}, sort_keys=True)
        key = hashlib.sha256(content.encode()).hexdigest()[:12]
        return user_cache_path("lossnav") / "claims" / f"{self.name}-{key}.json"

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that run it, without --out."""
        chosen = {"--seed-base": self.base, "--networks": self.networks, "--data": self.data}
        given = [word for name, value in chosen.items() if value is not None for word in (name, str(value))]
        return ["claims", "run", self.name, *["--quick"] * self.quick, *given]

    @property
    def command(self) -> str:
        """The command as a person would type it."""
        return shlex.join(["lossnav", *self.arguments])


@dataclass(frozen=True)
class LookRequest:
    """One contrast of claim `memory`, small enough to be watched."""

    contrast: str

    @property
    def path(self) -> Path:
        """Where the result is kept; other code is another place."""
        return _place(f"look-{self.contrast}")

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that run it, without --out."""
        return ["claims", "look", self.contrast]


@dataclass(frozen=True)
class TwinsRequest:
    """The twins of claim `memory`, from a seed."""

    seed: int = 1_000_000

    @property
    def path(self) -> Path:
        """Where they are kept; other code is another place."""
        return _place(f"twins-{self.seed}")

    @property
    def arguments(self) -> list[str]:
        """The arguments of `lossnav` that make them, without --out."""
        return ["claims", "twins", "--seed", str(self.seed)]


def _place(name: str) -> Path:
    return user_cache_path("lossnav") / "claims" / f"memory-{name}-{_code()}.json"


@cache
def _code() -> str:
    """Of the claim's code, which does not change while this runs."""
    return code_hash(claim_of("memory"))[:12]


def populations_folder() -> Path:
    """Where trained networks are kept, for every run that needs them."""
    return user_cache_path("lossnav") / "claim_populations"
