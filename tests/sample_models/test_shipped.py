"""Every shipped sample: it loads, it is the network that its card describes, and its way there is complete."""

import importlib
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from lossnav.core import load_problem
from lossnav.sample_models import NAMES, card, markov_gpt
from lossnav.sample_models._digits import digits
from lossnav.sample_models._mixture import sample
from lossnav.sample_models._two_tasks import TASKS, task
from lossnav.sample_models.catalogue import folder
from lossnav.sample_models.linear_regression import data

FIELDS = {"name", "title", "summary", "network", "parameters", "data", "examples", "loss", "training", "seed"} | {
    *("final_train_loss", "test", "facts", "trajectory", "reproduce", "reproducibility", "versions")
}


def module(name):
    return importlib.import_module(f"lossnav.sample_models.{name.replace('-', '_')}")


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def problem(name):
    return module(name).problem()


def accuracy(model, split):
    with torch.no_grad():
        return (model(split.test_inputs).argmax(1) == split.test_targets).float().mean().item()


def test_metrics_of(name, model):
    """The card's test metrics, worked out again from the test data."""
    if name == "gaussians-mlp":
        x, y = sample(4000, 1)
        return {"accuracy": (model(x).argmax(1) == y).float().mean().item()}
    if name == "markov-gpt":
        x, y = markov_gpt.test_batch()
        return {"perplexity": F.cross_entropy(model(x).transpose(1, 2), y).exp().item()}
    if name == "linear-regression":
        _, _, x, y = data()
        return {"loss": F.gaussian_nll_loss(model(x), y, torch.ones(1, 1), full=True).item()}
    if name.startswith("digits-two-tasks"):
        return {"mean accuracy over the tasks": sum(accuracy(model, task(k)) for k in range(TASKS)) / TASKS}
    found = {"accuracy": accuracy(model, digits())}
    if name.endswith("-batch"):
        found["loss"] = F.cross_entropy(model(digits().test_inputs), digits().test_targets).item()
    return found


test_metrics_of.__test__ = False


def test_card_has_every_field(name, problem):
    facts = card(name)
    assert set(facts) == FIELDS
    assert facts["name"] == name == problem.name == module(name).NAME
    assert facts["parameters"] == problem.parameter_count
    assert facts["examples"] == problem.example_count
    assert all(set(fact) == {"label", "value", "unit"} for fact in facts["facts"])
    assert all(facts[key] for key in ("title", "summary", "network", "data", "loss", "training"))


def test_loss_on_the_drawn_data_is_the_cards(name, problem):
    with torch.no_grad():
        outputs = problem.model(*problem.inputs)
    if name == "linear-regression":
        loss = F.gaussian_nll_loss(outputs, problem.targets, torch.ones(1, 1), full=True)
    else:
        loss = F.cross_entropy(outputs.flatten(0, -2), problem.targets.flatten())
    assert loss.item() == pytest.approx(card(name)["final_train_loss"], rel=1e-4)


def test_test_metrics_are_the_cards(name, problem):
    with torch.no_grad():
        assert test_metrics_of(name, problem.model) == pytest.approx(card(name)["test"], rel=1e-4)


def test_trajectory_runs_from_the_seeded_start_to_the_very_end(name, problem):
    path, facts = problem.trajectory, card(name)["trajectory"]
    assert len(path) == facts["checkpoints"] >= 16
    assert path.steps[0] == 0
    assert path.steps[-1] == facts["steps"]
    start = dict(module(name).build_model().named_parameters())
    for key, value in problem.parameters.items():
        assert torch.equal(path.at(len(path) - 1)[key], value)
        assert torch.equal(path.at(0)[key], start[key].detach().half().float())


def test_checkpoints_are_dense_early(problem):
    steps = problem.trajectory.steps
    assert steps[1] == 1
    assert steps[5] < steps[-1] / 20


def test_name_leads_to_the_same_problem(name, problem):
    found = load_problem(name)
    assert found.name == name
    assert all(torch.equal(found.parameters[key], value) for key, value in problem.parameters.items())


def test_loading_leaves_the_random_state_alone(name):
    before = torch.get_rng_state()
    loaded = module(name).problem()
    assert torch.equal(torch.get_rng_state(), before)
    assert not loaded.model.training


def test_all_weights_are_small_enough_for_git():
    files = [file for name in NAMES for file in folder(name).iterdir()]
    assert sum(file.stat().st_size for file in files) < 13_000_000


def test_unknown_card_names_the_samples():
    with pytest.raises(ValueError, match="gaussians-mlp"):
        card("gaussian")


def test_listing_samples_loads_no_torch():
    code = "import sys, lossnav.sample_models as s; s.card(s.NAMES[0]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
