"""The pairs of samples show what they are there to show."""

import pytest
import torch
import torch.nn.functional as F
from lossnav.core import load_problem
from lossnav.sample_models import card
from lossnav.sample_models._batch_contrast import TARGET, TOLERANCE
from lossnav.sample_models._digits import digits, permute_pixels
from lossnav.sample_models._ruggedness import random_slices, ruggedness
from lossnav.sample_models._two_tasks import STRENGTH, fisher, penalty, task


def fact(name, start):
    (value,) = [f["value"] for f in card(name)["facts"] if f["label"].startswith(start)]
    return value


def test_split_is_disjoint_and_complete():
    split = digits()
    assert (len(split.inputs), len(split.test_inputs)) == (1400, 397)
    rows = torch.cat((split.inputs, split.test_inputs)).mul(16).round().long()
    # The set holds no two equal images, so that as many distinct rows means that none is in both halves.
    assert len(rows.unique(dim=0)) == 1797


def test_tasks_are_the_same_images_reordered():
    images = digits().inputs
    moved = permute_pixels(images, seed=1)
    assert torch.equal(moved.sort(1).values, images.sort(1).values)
    assert not torch.equal(task(1).inputs, task(2).inputs)
    assert torch.equal(task(0).inputs, images)


def test_elasticity_prevents_forgetting():
    naive, elastic = "digits-two-tasks", "digits-two-tasks-ewc"
    first = "Test accuracy on task 1 at the end"
    assert fact(elastic, first) > fact(naive, first) + 0.3
    metric = "mean accuracy over the tasks"
    assert card(elastic)["test"][metric] > card(naive)["test"][metric] + 0.1
    assert card(elastic)["final_train_loss"] < card(naive)["final_train_loss"]


def test_both_runs_share_the_first_task_and_its_anchor():
    naive, elastic = load_problem("digits-two-tasks"), load_problem("digits-two-tasks-ewc")
    for key, value in naive.anchor.parameters.items():
        assert torch.equal(value, elastic.anchor.parameters[key])
        assert torch.equal(naive.anchor.fisher[key], elastic.anchor.fisher[key])
    assert naive.anchor.strength == elastic.anchor.strength == STRENGTH


def test_elastic_run_stays_nearer_to_its_anchor():
    def pull(problem):
        return penalty(problem.model, [(problem.anchor.parameters, problem.anchor.fisher)], STRENGTH).item()

    assert pull(load_problem("digits-two-tasks-ewc")) < 0.1 * pull(load_problem("digits-two-tasks"))


def test_fisher_by_a_loop_over_examples_and_classes():
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)).double()
    inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).double()
    expected = {key: torch.zeros_like(value) for key, value in model.named_parameters()}
    for x in inputs:
        for k in range(3):
            log_p = model(x).log_softmax(0)[k]
            gradients = torch.autograd.grad(log_p, list(model.parameters()))
            for total, g in zip(expected.values(), gradients, strict=True):
                total += log_p.detach().exp() * g**2 / 5
    found = fisher(model, inputs)
    assert all(torch.allclose(found[key], expected[key], rtol=1e-9) for key in expected)


def test_penalty_is_a_weighted_square():
    model = torch.nn.Linear(2, 1)
    torch.nn.init.ones_(model.weight)
    torch.nn.init.zeros_(model.bias)
    theta = {"weight": torch.tensor([[0.0, 3.0]]), "bias": torch.zeros(1)}
    importance = {"weight": torch.tensor([[2.0, 0.5]]), "bias": torch.ones(1)}
    # 10 · (2 · 1² + 0.5 · 2²)
    assert penalty(model, [(theta, importance)], 10.0).item() == pytest.approx(40.0)


def test_batches_are_compared_at_the_same_training_loss():
    small, large = (card(f"digits-{size}-batch")["final_train_loss"] for size in ("small", "large"))
    assert small == pytest.approx(TARGET, rel=1.01 * TOLERANCE)
    assert large == pytest.approx(TARGET, rel=1.01 * TOLERANCE)


def sharpness(problem, iterations=300):
    """λₘₐₓ of the training loss by plain power iteration."""
    parameters = list(problem.model.parameters())
    loss = F.cross_entropy(problem.model(*problem.inputs), problem.targets)
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters, create_graph=True)])
    v = torch.randn(len(gradient), generator=torch.Generator().manual_seed(5))
    for _ in range(iterations):
        image = torch.cat([g.flatten() for g in torch.autograd.grad(gradient @ v, parameters, retain_graph=True)])
        length, v = image.norm(), image / image.norm()
    return length.item()


def test_small_batches_end_in_the_flatter_minimum():
    found = {}
    for name in ("digits-small-batch", "digits-large-batch"):
        found[name] = sharpness(load_problem(name))
        assert fact(name, "Largest Hessian") == pytest.approx(found[name], rel=0.01)
    assert found["digits-small-batch"] < 0.5 * found["digits-large-batch"]


def test_skip_connections_smooth_the_terrain():
    for scope in ("Local minima, 17", "Local minima, mean"):
        assert fact("digits-resnet", scope) < 2 < fact("digits-plain", scope)
    assert fact("digits-resnet", "Non-convex share, mean") < 0.5 * fact("digits-plain", "Non-convex share, mean")
    assert card("digits-resnet")["test"]["accuracy"] > card("digits-plain")["test"]["accuracy"] + 0.03


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits-resnet", "digits-plain"])
def test_slice_of_the_shipped_network_is_the_cards(name):
    (found,) = random_slices(load_problem(name), [0])
    assert found.minima == fact(name, "Local minima, 17")
    # A point on the verge of convexity may fall on the other side where rounding differs.
    assert found.nonconvex == pytest.approx(fact(name, "Non-convex share of that"), abs=0.02)


def test_ruggedness_of_surfaces_known_in_closed_form():
    x = torch.linspace(-1, 1, 17, dtype=torch.float64)
    assert ruggedness(x[:, None] ** 2 - x**2).nonconvex == 1.0
    waves = torch.cos(4 * torch.pi * x)
    # cos over two periods each way has its valleys at ±¼ and ±¾: sixteen minima.
    assert ruggedness(waves[:, None] + waves).minima == 16
