"""Two normalised Gaussian directions that are drawn from their seed whenever they are needed, and need not be held.

One generator draws all tensors of the first direction, then all of the second. Its state before each piece is kept (5 kB
for up to 2 MB of numbers), so that every piece can be drawn alone, in any order, with the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ..checks import known
from ..machine.memory import free_bytes
from ..machine.threads import side_by_side
from ..parameters import guarded as watched
from ..parameters import vectors
from ..parameters.vectors import Piece, StreamedVector, Vector, offset_dtype, pieces, pieces_of
from .directions import IGNORE_CHOICES, NORMALIZATIONS, factors, ratio
from .filters import ROWS, Filter, filter_of, layer_of

REMEMBERED = 2**22  # numbers of both directions, up to which none is drawn twice while a pair is made


class GaussianPair:
    """The pair of `Plane.random`, piece by piece: the numbers are those of `directions.normalized` on `gaussian_pair`.

    Parameters
    ----------
    parameters                                θ₀, which the directions are scaled to; not copied
    seed, normalize, ignore, orthogonal       as in `Plane.random`
    filters                                   as in `directions.normalized`

    Raises
    ------
    InputError  an unknown normalisation or choice for ignore

    >>> pair = GaussianPair({"w": torch.ones(2, 3)}, seed=0, normalize="filter")
    >>> first, _ = pair.held()
    >>> torch.equal(first["w"], pair.streamed()[0]["w"])
    True
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        seed: int = 0,
        normalize: str = "filter",
        ignore: str | None = "biasbn",
        orthogonal: bool = False,
        filters: Mapping[str, Filter] | None = None,
    ) -> None:
        self._filters = {k: (filters or {}).get(k) or filter_of(theta) for k, theta in parameters.items()}
        self.parameters, self._how = parameters, known(normalize, NORMALIZATIONS, "normalisation")
        self._stays_put = known(ignore or "none", IGNORE_CHOICES, "choice for ignore") == "biasbn"
        self._pieces = list(pieces(parameters))
        self._places = {piece: place for place, piece in enumerate(self._pieces)}
        self._remembered: dict[tuple[int, Piece], Tensor] = {}
        self._tilt = 0.0
        self._record(seed)
        if orthogonal:
            self._tilt = self._orthogonalising()
        self._scales = [
            {name: self._scale(which, name) for name in parameters if self._has_one_scale(name)} for which in (0, 1)
        ]

    def held(self) -> tuple[Vector, Vector]:
        """Both directions as dicts, in the parameters' precision and on their device."""
        found = self._made(0), self._made(1)
        self._remembered.clear()
        return found

    def streamed(self) -> tuple[StreamedVector, StreamedVector]:
        """Both directions as vectors that draw their pieces anew each time."""
        self._remembered.clear()
        return GaussianDirection(self, 0), GaussianDirection(self, 1)

    def part(self, which: int, piece: Piece) -> Tensor:
        """One piece of direction `which`, 0 or 1, finished."""
        theta = piece.of(self.parameters[piece.name])
        if self._stays(piece.name):
            return torch.zeros_like(theta, dtype=offset_dtype(theta.dtype))
        drawn = self._drawn(which, piece).to(theta.device)
        scale, cut = self._scales[which].get(piece.name), self._filters[piece.name]
        if scale is None:
            scale = factors(drawn, vectors.wide(theta), self._how, cut)
        elif scale.ndim and len(scale) == len(self.parameters[piece.name]) > 1:
            scale = piece.of(scale)  # which differs between its rows
        return (drawn if scale is None else drawn * scale).to(offset_dtype(theta.dtype))

    def tensor(self, which: int, name: str) -> Tensor:
        """One tensor of direction `which`, all its pieces together."""
        total = self._like(name)
        side_by_side(
            lambda piece: piece.of(total).copy_(self.part(which, piece)), pieces_of(name, self.parameters[name].shape)
        )
        return total

    def _made(self, which: int) -> Vector:
        total = {name: self._like(name) for name in self.parameters}

        def fill(piece: Piece) -> None:
            piece.of(total[piece.name]).copy_(self.part(which, piece))

        if self._remembered:
            for piece in self._pieces:
                fill(piece)
        else:
            side_by_side(fill, self._pieces)
        return total

    def _like(self, name: str) -> Tensor:
        theta = self.parameters[name]
        return torch.empty(theta.shape, dtype=offset_dtype(theta.dtype), device=theta.device)

    def _record(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        small = sum(t.numel() for t in self.parameters.values()) <= REMEMBERED // 2
        # one block for all: a small tensor between two large ones would keep the memory of the first from being used again
        self._states = generator.get_state().repeat(2, len(self._pieces), 1)
        for which in (0, 1):
            for piece, place in self._places.items():
                self._states[which, place] = generator.get_state()
                drawn = self._draw(piece, generator)
                if small:
                    self._remembered[which, piece] = drawn

    def _draw(self, piece: Piece, generator: torch.Generator) -> Tensor:
        like = piece.of(self.parameters[piece.name])
        return vectors.gaussian(like.shape, generator, like)

    def _raw(self, which: int, piece: Piece) -> Tensor:
        kept = self._remembered.get((which, piece))
        if kept is not None:
            return kept
        generator = torch.Generator()
        state = self._states[which, self._places[piece]].clone()  # of a view, torch would read another row
        generator.set_state(state)
        return self._draw(piece, generator)

    def _drawn(self, which: int, piece: Piece) -> Tensor:
        raw = self._raw(which, piece)
        return raw + self._tilt * self._raw(0, piece) if which == 1 and self._tilt else raw

    def _orthogonalising(self) -> float:
        """Multiple of the first draw that makes the second orthogonal to it when added."""
        length = across = 0.0
        for piece in self._pieces:
            first = self._raw(0, piece)
            length += vectors.piece_dot(first, first)
            across += vectors.piece_dot(self._raw(1, piece), first)
        return -across / length if length else 0.0

    def _stays(self, name: str) -> bool:
        return self._stays_put and self._filters[name].still

    def _has_one_scale(self, name: str) -> bool:
        theta, cut = self.parameters[name], self._filters[name]
        apart = cut == ROWS and theta.shape[0] > 1
        single = self._how == "layer" or (self._how in ("filter", "product") and not apart)
        return single and not self._stays(name)

    def _scale(self, which: int, name: str) -> Tensor | None:
        """The factor of a tensor whose rows are no filters of their own: made once, as a sum's last bits depend on the number
        of threads."""
        theta, cut = self.parameters[name], self._filters[name]
        layer = layer_of(name, self.parameters) if self._how == "layer" else (name,)
        parts = pieces_of(name, theta.shape)
        if len(parts) == 1 and len(layer) == 1:
            return factors(self._drawn(which, parts[0]).to(theta.device), vectors.wide(theta), self._how, cut)
        if self._how == "product" and cut.product is not None:
            drawn = torch.cat([self._drawn(which, piece) for piece in parts]).to(theta.device)
            return factors(drawn, vectors.wide(theta), self._how, cut)
        if self._how in ("filter", "product") and cut.along:
            asked = cut.rooted([cut.squares(vectors.wide(piece.of(theta))) for piece in parts], theta.shape)
            drawn = cut.rooted([cut.squares(self._drawn(which, piece)) for piece in parts], theta.shape)
            return ratio(asked, drawn.to(theta.device))
        cuts = [piece for each in layer for piece in pieces_of(each, self.parameters[each].shape)]
        length = sum(float(self._drawn(which, piece).abs().square().sum()) for piece in cuts)
        wanted = sum(float(vectors.wide(piece.of(self.parameters[piece.name])).abs().square().sum()) for piece in cuts)
        lengths = (torch.tensor(x, dtype=torch.float64, device=theta.device).sqrt() for x in (wanted, length))
        return ratio(*lengths)


class GaussianDirection(StreamedVector):
    """One direction of a pair, drawn anew each time it is looked at."""

    def __init__(self, pair: GaussianPair, which: int) -> None:
        self._pair, self._which = pair, which

    def __getitem__(self, name: str) -> Tensor:
        return self._pair.tensor(self._which, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._pair.parameters)

    def __len__(self) -> int:
        return len(self._pair.parameters)

    def part(self, piece: Piece) -> Tensor:
        return self._pair.part(self._which, piece)


def fits_in_memory(parameters: Mapping[str, Tensor]) -> bool:
    """Whether two directions and a copy of the model fit into the memory that is free, with a fifth of it to spare."""
    sizes = [(tensor.numel(), tensor.nbytes) for tensor in parameters.values()]
    if sum(count for count, _ in sizes) <= watched.OWNED_NUMBERS:
        return True
    free = free_bytes(next(iter(parameters.values())).device)
    return free is None or 3 * sum(size for _, size in sizes) <= 0.8 * free
