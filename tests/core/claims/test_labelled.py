"""Labels of a person's own networks: what was planted is found, what was shuffled is not, and what cannot be asked is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from lossnav.core import InputError, Problem
from lossnav.core.claims.labelled import Labelled, Told, labelled, labels_told
from lossnav.core.claims.labelled.features import WHOLE, function_row, spectrum_of, spectrum_rows, weight_row
from lossnav.core.claims.labelled.paired import PairedTest, exchanged_labels, folds_of_pairs, pairs_of
from lossnav.core.claims.memory import BESIDE, NO_MARK, SATURATED
from lossnav.core.claims.statistics import kernels_of
from torch import nn


def silent(*_: object) -> None:
    pass


def network(width: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 3)).double()


def problem(width: int = 3, rows: int = 40, seed: int = 0) -> Problem:
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(rows, 4, generator=draw, dtype=torch.float64)
    return Problem(network(width), inputs, torch.randint(0, 3, (rows,), generator=draw), name="own")


def a_population(folder: Path, labels: list[str], scales: dict[str, float], width: int = 3) -> Path:
    """Networks of random weights, those of a label larger by a factor; and their table."""
    folder.mkdir(exist_ok=True)
    for k, label in enumerate(labels):
        torch.manual_seed(k)
        model = network(width)
        state = {name: value * scales.get(label, 1.0) for name, value in model.state_dict().items()}
        torch.save(state, folder / f"net-{k}.pt")
    rows = [f"net-{k}.pt,{label},{k % 2}" for k, label in enumerate(labels)]
    table = folder / "labels.csv"
    table.write_text("file,optimiser,half\n" + "\n".join(rows) + "\n")
    return table


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossnav.core.claims.labelled.told.REPLICATES", 2)


def told(folder: Path, table: Path, column: str = "optimiser", **words: object) -> Told:
    networks = labelled(problem(), folder, table, column)
    return labels_told(networks, folder / "kept", silent, **{"draws": 99, **words})  # type: ignore[arg-type]


LABELS = [("adam", "sgd")[k % 2] for k in range(48)]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("planted")
    return folder, a_population(folder, LABELS, {"adam": 1.8})


def test_a_planted_label_is_told_and_the_loss_is_said_to_tell_it_too(planted: tuple[Path, Path]) -> None:
    found = told(*planted, held_out=problem(seed=9))
    (test,) = found.tests
    assert test["contrast"] == "adam against sgd"
    assert test["networks"] == 48
    assert test["accuracy"]["W"][0] > 0.95
    assert test["p_corrected"]["W"] <= 0.05
    assert test["outcome"] in (SATURATED, BESIDE) or test["p_corrected"]["V"] <= 0.05
    assert not test["loss"]["equal"]
    assert "The losses are not equal: loss alone is right in" in found.sentences[0]
    assert "held-out" in found.notes[2]
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["counts"] == {"adam": 24, "sgd": 24}


def test_a_label_that_means_nothing_is_not_told_and_what_that_excludes_is_said(tmp_path: Path) -> None:
    table = a_population(tmp_path, LABELS, {})
    found = told(tmp_path, table)
    (test,) = found.tests
    assert test["outcome"] == NO_MARK
    assert min(test["p_corrected"].values()) > 0.05
    assert len(found.power) == 3
    assert found.sentences[-1].startswith("No mark found is not no mark")
    again = told(tmp_path, table)
    assert again == found


def test_measures_are_kept_and_the_same_network_in_another_table_is_not_measured_again(
    planted: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, table = planted
    first = told(folder, table)

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("lossnav.core.claims.labelled.told._measures", never)
    assert told(folder, table) == first
    shorter = folder / "shorter.csv"
    shorter.write_text("\n".join(table.read_text().splitlines()[:31]))
    assert told(folder, shorter).counts == {"adam": 15, "sgd": 15}


def test_three_labels_are_told_each_from_as_many_of_the_others(tmp_path: Path) -> None:
    labels = [("a", "b", "c")[k % 3] for k in range(36)]
    found = told(tmp_path, a_population(tmp_path, labels, {"a": 3.0}), draws=179)
    assert [test["contrast"] for test in found.tests] == [f"{name} against the others" for name in "abc"]
    assert {test["networks"] for test in found.tests} == {24}
    assert found.tests[0]["accuracy"]["W"][0] > 0.95


def test_equal_losses_are_said_to_tell_nothing(tmp_path: Path) -> None:
    """One network and its hidden units in another order: the same function, spectrum and loss, 24 times."""
    model = network()
    orders = [torch.randperm(3, generator=torch.Generator().manual_seed(k)) for k in range(24)]
    for k, order in enumerate(orders):
        state = {name: value.clone() for name, value in model.state_dict().items()}
        state = {"0.weight": state["0.weight"][order], "0.bias": state["0.bias"][order]} | {
            "2.weight": state["2.weight"][:, order],
            "2.bias": state["2.bias"] + 0,
        }
        torch.save(state, tmp_path / f"{k}.pt")
    (tmp_path / "labels.csv").write_text("file,of\n" + "".join(f"{k},{'ab'[k % 2]}\n" for k in range(24)))
    found = told(tmp_path, tmp_path / "labels.csv", "of")
    assert found.tests[0]["loss"]["equal"]
    assert "All losses are equal" in found.sentences[0]


def test_weights_and_spectrum_do_not_see_the_order_or_the_sign_of_hidden_units() -> None:
    one = problem()
    two = problem()
    order, signs = torch.tensor([2, 0, 1]), torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    state = one.model.state_dict()
    two.model.load_state_dict(
        {
            "0.weight": (state["0.weight"] * signs[:, None])[order],
            "0.bias": (state["0.bias"] * signs)[order],
            "2.weight": (state["2.weight"] * signs)[:, order],
            "2.bias": state["2.bias"],
        }
    )
    np.testing.assert_allclose(weight_row(two.parameters), weight_row(one.parameters), atol=1e-12)
    np.testing.assert_allclose(spectrum_of(two)["spectrum"], spectrum_of(one)["spectrum"], atol=1e-12)
    np.testing.assert_allclose(function_row(two), function_row(one), atol=1e-12)


def test_convolutions_have_features_that_no_order_of_channels_changes() -> None:
    weights = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turned = weights[[3, 1, 0, 2]][:, [2, 0, 1]]
    np.testing.assert_allclose(weight_row({"w": turned}), weight_row({"w": weights}), atol=1e-12)


def test_the_function_is_the_log_probabilities() -> None:
    one = problem(rows=12)
    wanted = one.model(one.inputs[0]).log_softmax(1).clamp(min=-12.0)
    np.testing.assert_allclose(function_row(one), wanted.detach().numpy().ravel(), atol=1e-12)


def test_a_large_network_has_its_largest_eigenvalues_and_a_blurred_density() -> None:
    large = problem(width=150)
    assert large.parameter_count > WHOLE
    found = spectrum_of(large)
    exact = np.linalg.eigvalsh(_hessian(large))
    np.testing.assert_allclose(found["top"][-5:], exact[-5:], rtol=1e-3)
    rows = {name: np.stack([values, values]) for name, values in found.items()}
    whole, largest = spectrum_rows(rows)
    assert whole.shape == (2, 64 + 3)
    assert largest.shape == (2, 30)
    assert np.isfinite(whole).all()


def _hessian(one: Problem) -> np.ndarray:
    from lossnav.core.curvature.dense import dense_matrix
    from lossnav.core.curvature.operators import curvature

    return dense_matrix(curvature(one, device="cpu")).numpy()


def test_what_cannot_be_asked_gets_a_sentence(tmp_path: Path) -> None:
    table = a_population(tmp_path, LABELS[:24], {})

    def refused(text: str, said: str, column: str = "optimiser", folder: Path = tmp_path) -> None:
        table.write_text(text)
        with pytest.raises(InputError, match=said):
            labelled(problem(), folder, table, column)

    good = table.read_text()
    refused(good, "Unknown column 'optimizer': did you mean 'optimiser'", "optimizer")
    refused(good, "There is no folder", folder=tmp_path / "nowhere")
    refused(good, "names the files", "file")
    refused(good.replace("net-3.pt", "net-99.pt"), "names 'net-99.pt' in .* there is none")
    refused(good.replace("net-3.pt", "net-4.pt"), "'net-4.pt' comes more than once")
    refused(good.replace("adam", "sgd"), "two labels or more, .* holds 1")
    refused("\n".join(good.splitlines()[:12]), r"Each label needs 10 networks or more, .* adam \(6\), sgd \(5\)")
    refused("file\nnet-0.pt", "a column of files and one of labels")
    table.write_text(good)
    with pytest.raises(InputError, match=r"another network|of shape"):
        labelled(problem(width=5), tmp_path, table, "optimiser")
    networks = labelled(problem(), tmp_path, table, "optimiser")
    assert isinstance(networks, Labelled)
    with pytest.raises(InputError, match="fewer than 59 draws, but draws is 19"):
        labels_told(networks, tmp_path, silent, draws=19)
    with pytest.raises(InputError, match="should be a table of labels"):
        labelled(problem(), tmp_path, tmp_path / "none.csv", "optimiser")


def test_a_row_without_a_label_is_left_out_and_an_ending_may_be_left_out(tmp_path: Path) -> None:
    table = a_population(tmp_path, LABELS[:24], {})
    text = table.read_text().replace("net-0.pt,adam", "net-0.pt,").replace("net-1.pt,", "net-1,")
    table.write_text(text)
    networks = labelled(problem(), tmp_path, table, "optimiser")
    assert networks.counts == {"adam": 11, "sgd": 12}
    assert networks.files[0].name == "net-1.pt"


def test_folds_are_balanced_under_the_labels_and_under_every_exchange() -> None:
    labels, generator = np.random.default_rng(1).permutation(np.repeat([1, -1], 13)), np.random.default_rng(0)
    pairs = pairs_of(labels, generator)
    columns = np.column_stack([labels, exchanged_labels(labels, pairs, 50, generator)])
    assert np.abs(columns[:, 1:] - labels[:, None]).any(0).all()
    folds = folds_of_pairs(pairs, 0)
    assert len(folds) == 20
    for train, test in folds:
        assert (columns[train].sum(0) == 0).all()
        assert (columns[test].sum(0) == 0).all()
        assert sorted([*train, *test]) == list(range(26))


@pytest.mark.slow
def test_p_values_are_uniform_where_labels_mean_nothing() -> None:
    """Of features that know nothing: no more small p than chance allows, of V, of X alone, and of X beside V."""
    labels, found = np.repeat([1, -1], 20), []
    for k in range(40):
        first, second = np.random.default_rng([5, k]).normal(size=(2, 40, 8))
        test, kernels = PairedTest(labels, kernels_of(first), 39, k), kernels_of(second)
        found.append((test.p, test.alone(kernels)[1], test.beside(kernels).p))
    p = np.array(found)
    assert (p.mean(0) > 0.5 - 3 * 0.289 / 40**0.5).all()
    assert ((p <= 0.1).mean(0) <= 0.1 + 3 * (0.09 / 40) ** 0.5).all()
    assert (p.mean(0)[:2] < 0.5 + 3 * 0.289 / 40**0.5 + 0.5 / 40).all()  # the conditional null may be on the safe side
