"""How the network is run over the data: a choice that changes the time, and the numbers by rounding only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..checks import InputError, known

STACKED = ("stacked", "stacked_onednn")
NETWORKS = ("plain", "fused", *STACKED)
LAYOUTS = ("contiguous", "channels_last")


@dataclass(frozen=True)
class Way:
    """One way of running the network.

    network     "plain": as its forward does; "fused": from its record, with operations put together;
                "stacked": from its record, with the points side by side in stacks of products; "stacked_onednn": so, but
                each point's products are oneDNN's, which are faster than MKL's on some machines
    batch_size  examples per pass
    layout      of images: "contiguous" (as they are given, channels first as a rule) | "channels_last"
    points      points of the plane in one pass, by vmap unless stacked
    graph       whether the passes of a point are launched as one CUDA graph

    >>> Way.of({"network": "fused", "batch_size": 64})
    Way(network='fused', batch_size=64, layout='contiguous', points=1, graph=False)
    """

    network: str = "plain"
    batch_size: int = 1
    layout: str = "contiguous"
    points: int = 1
    graph: bool = False

    def as_json(self) -> dict[str, Any]:
        """As `of` takes it."""
        return asdict(self)

    @property
    def stacks(self) -> bool:
        """Whether points lie side by side in stacks of products."""
        return self.network in STACKED

    @property
    def plain(self) -> Way:
        """The network's own forward on as many examples, which every other way must agree with."""
        return Way(batch_size=self.batch_size)

    def __str__(self) -> str:
        """For people.

        >>> print(Way("fused", 64, "channels_last"))
        the fused way with channels last
        """
        named = f"the {self.network} way"
        more = [
            *(["channels last"] if self.layout == "channels_last" else []),
            *([f"{self.points} points at once"] if self.points > 1 else []),
            *(["one CUDA graph"] if self.graph else []),
        ]
        return f"{named} with {' and '.join(more)}" if more else named

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> Way:
        """The way that a dict states.

        Raises
        ------
        InputError  unknown entries, or entries that mean nothing
        """
        for name in stated:
            known(name, [field.name for field in fields(cls)], "entry of way")
        way = cls(**stated)
        known(way.network, NETWORKS, "network of way")
        known(way.layout, LAYOUTS, "layout of way")
        if any(type(number) is not int or number < 1 for number in (way.batch_size, way.points)):
            raise InputError(
                f"batch_size and points of way should be whole numbers from 1, but are {way.batch_size} and {way.points}: "
                "leave way out to have it chosen."
            )
        return way
