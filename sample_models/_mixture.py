"""A mixture of three overlapping Gaussians in the plane: the true class probabilities are known, so KL is exact."""

import torch
from torch import Tensor

WEIGHTS = (0.4, 0.35, 0.25)
MEANS = ((-1.0, 0.0), (1.0, 0.5), (0.2, -1.4))
COVARIANCES = (((0.8, 0.3), (0.3, 0.5)), ((0.5, -0.2), (-0.2, 0.7)), ((1.0, 0.0), (0.0, 0.3)))
CLASSES = len(WEIGHTS)


def sample(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Points (n, 2) float32 and the components they came from, (n,) int64."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.multinomial(torch.tensor(WEIGHTS), n, replacement=True, generator=generator)
    factors = torch.linalg.cholesky(torch.tensor(COVARIANCES))
    noise = torch.randn(n, 2, 1, generator=generator)
    return torch.tensor(MEANS)[classes] + (factors[classes] @ noise).squeeze(-1), classes


def posterior(points: Tensor) -> Tensor:
    """p(class | point) by Bayes' rule, (n, 3), each row summing to one; computed in float64, given in the points' type.

    Far out along the first axis only the component with the widest spread there is left:

    >>> posterior(torch.tensor([[9.0, -1.4]])).argmax().item()
    2
    """
    weights, means, covariances = (torch.tensor(v, dtype=torch.float64) for v in (WEIGHTS, MEANS, COVARIANCES))
    offsets = points.double().unsqueeze(1) - means
    squares = torch.einsum("nki,kij,nkj->nk", offsets, torch.linalg.inv(covariances), offsets)
    # ln 2π is the same for every component and cancels.
    log_joint = weights.log() - 0.5 * (squares + torch.logdet(covariances))
    return log_joint.softmax(1).to(points.dtype)
