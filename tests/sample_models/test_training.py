"""The training helpers, and that a sample comes out of its seed again."""

import pytest
import torch
from lossnav.sample_models import _store, gaussians_mlp, linear_regression
from lossnav.sample_models._run import Run
from lossnav.sample_models._schedule import dense_early
from lossnav.sample_models._training import Snapshots, fit, seeded, shuffled
from lossnav.sample_models.retrain import largest_difference, retrain


@pytest.mark.parametrize(("total", "count"), [(330, 31), (30, 31), (1000, 2), (2000, 40)])
def test_schedule_has_the_count_and_both_ends(total, count):
    steps = dense_early(total, count)
    assert len(steps) == count
    assert (steps[0], steps[-1]) == (0, total)
    assert list(steps) == sorted(set(steps))


def test_schedule_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at most 6"):
        dense_early(5, 7)


def test_recorder_keeps_start_chosen_steps_and_end():
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    snapshots = Snapshots(model, at=(0, 2))
    batch = (torch.ones(1, 1), torch.ones(1, 1))
    # ½(w − 1)² with step size ½ halves the distance to 1 at every step.
    half_square = lambda outputs, targets: 0.5 * (outputs - targets).square().mean()  # noqa: E731
    fit(model, [batch] * 3, torch.optim.SGD(model.parameters(), lr=0.5), snapshots, criterion=half_square)
    checkpoints, steps = snapshots.finish()
    assert steps == (0, 2, 3)
    assert checkpoints["weight"].flatten().tolist() == [0.0, 0.75, 0.875]


def test_batches_pass_over_all_examples_once_an_epoch():
    batches = list(shuffled(torch.arange(10), torch.arange(10), batch=4, epochs=2, seed=0))
    assert [len(x) for x, _ in batches] == [4, 4, 2] * 2
    assert torch.cat([x for x, _ in batches[:3]]).sort().values.tolist() == list(range(10))


def test_seeded_gives_the_callers_random_state_back():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with seeded(2):
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)


def test_store_gives_back_what_it_took(tmp_path, monkeypatch):
    monkeypatch.setattr(_store, "folder", lambda name: tmp_path / name)
    run = linear_regression.train()
    anchor = ({"weight": torch.ones(1, 250)}, {"weight": torch.rand(1, 250)})
    _store.save("again", Run(run.state, run.checkpoints, run.steps, run.card, anchor))
    model = linear_regression.build_model()
    shipped = _store.load("again", model)
    assert torch.equal(model.weight, run.state["weight"])
    assert shipped.trajectory.steps == run.steps
    assert torch.equal(shipped.trajectory.at(len(run.steps) - 1)["weight"], model.weight)
    assert torch.allclose(shipped.trajectory.at(3)["weight"], run.checkpoints["weight"][3], rtol=1e-3, atol=1e-6)
    assert torch.equal(shipped.anchor[1]["weight"], anchor[1]["weight"])


@pytest.mark.slow
@pytest.mark.parametrize("sample", [gaussians_mlp, linear_regression])
def test_sample_comes_out_of_its_seed_again(sample):
    run = retrain(sample.NAME)
    assert largest_difference(sample.NAME, run) < 1e-4


@pytest.mark.parametrize(("sample", "length", "few"), [(gaussians_mlp, "EPOCHS", 4), (linear_regression, "STEPS", 40)])
def test_trained_twice_it_is_the_same_to_the_last_bit(sample, length, few, monkeypatch):
    monkeypatch.setattr(sample, length, few)  # every step is made alike: a few show it
    first, second = retrain(sample.NAME), retrain(sample.NAME)
    assert first.card == second.card
    assert all(torch.equal(value, second.state[name]) for name, value in first.state.items())
