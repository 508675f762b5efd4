"""A second-order Markov source over a small alphabet, with everything about it known in closed form.

The entropy rate of a stationary Markov chain is Σ_s π(s) H(p(· | s)) (Shannon 1948, §7); exp of it is the lowest
perplexity that any model of the source can reach.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class MarkovSource:
    """Each token depends on the two before it.

    Attributes
    ----------
    transition  (V, V, V) float64, p(next | before, last) at [before, last, next].
    """

    transition: Tensor

    @property
    def vocabulary(self) -> int:
        """V, the number of tokens."""
        return self.transition.shape[0]

    def stationary(self) -> Tensor:
        """π(before, last), (V, V): the pair distribution that one step of the source leaves as it is."""
        V = self.vocabulary
        # π solves π(b, c) = Σ_a π(a, b) p(c | a, b): a linear system, with Σ π = 1 in place of a redundant row.
        step = torch.zeros(V, V, V, V, dtype=torch.float64)
        for b in range(V):
            step[:, b, b, :] = self.transition[:, b, :]
        system = step.reshape(V * V, V * V).T - torch.eye(V * V, dtype=torch.float64)
        system[-1] = 1.0
        right = torch.zeros(V * V, dtype=torch.float64)
        right[-1] = 1.0
        return torch.linalg.solve(system, right).reshape(V, V)

    def entropy_rate(self) -> float:
        """Σ π(a, b) H(p(· | a, b)), in nats per token."""
        return (self.stationary() * _entropy(self.transition)).sum().item()

    def window_entropy(self, length: int) -> float:
        """Mean entropy in nats of a window's ``length`` targets given the window's earlier tokens.

        Above the entropy rate, since the first target is seen after one token only, not two.
        """
        pair = self.stationary()
        first = (pair.sum(1) * _entropy(self._after_one())).sum().item()
        return (first + (length - 1) * self.entropy_rate()) / length

    def law(self, tokens: Tensor) -> Tensor:
        """p(next | the tokens seen so far) at every position: (n, t) int64 → (n, t, V) float32."""
        first = self._after_one()[tokens[:, :1]]
        rest = self.transition[tokens[:, :-1], tokens[:, 1:]]
        return torch.cat((first, rest), dim=1).float()

    def sample(self, n: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Windows of the stationary source: tokens (n, length) and their next tokens (n, length), both int64."""
        V = self.vocabulary
        start = torch.multinomial(self.stationary().flatten(), n, replacement=True, generator=generator)
        text = [start // V, start % V]
        while len(text) < length + 1:
            text.append(torch.multinomial(self.transition[text[-2], text[-1]], 1, generator=generator).squeeze(1))
        tokens = torch.stack(text, dim=1)
        return tokens[:, :-1], tokens[:, 1:]

    def _after_one(self) -> Tensor:
        pair = self.stationary()
        return pair / pair.sum(1, keepdim=True)


def random_source(vocabulary: int, concentration: float, seed: int) -> MarkovSource:
    """Every next-token distribution drawn from a symmetric Dirichlet; a small concentration makes them peaked."""
    # Drawn by NumPy, since torch's Dirichlet takes no generator of its own.
    draws = np.random.default_rng(seed).dirichlet([concentration] * vocabulary, (vocabulary, vocabulary))
    return MarkovSource(torch.as_tensor(draws))


def _entropy(p: Tensor) -> Tensor:
    return -torch.special.xlogy(p, p).sum(-1)
