"""docs/adding-a-likelihood.md carried out: its own example in a copy of the tree, with every readout and no other touch."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECIPE = (ROOT / "docs" / "adding-a-likelihood.md").read_text(encoding="utf-8")
PROBLEM = """
import torch
from torch import nn
from lossnav.core import Problem

def problem(scale=1.0, loss="laplace"):
    torch.manual_seed(0)
    x = torch.randn(40, 3).double()
    law = x @ torch.randn(3, 2).double()
    y = law + torch.distributions.Laplace(0.0, scale).sample(law.shape).double()
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    return Problem(model, x, y, loss, law=law, name="laplace")
"""
FACES = """
import json, sys
import numpy as np
import torch
import lossnav.core
assert lossnav.core.__file__.startswith(sys.argv[1]), lossnav.core.__file__
from lossnav.core import density_map, read_landscape, spectrum
from lossnav.core.curvature.fisher import fisher_diagonal
from lossnav.core.problem.identity import problem_identity
from lossnav.core.problem.likelihoods.laplace import Laplace
from theirs import problem
import typed_command

surveyed = typed_command.lossnav(*json.loads(sys.argv[3]))  # in this process: each start takes seconds
assert surveyed.returncode == 0, surveyed.stderr
land, made = read_landscape(sys.argv[2]), problem()
centre = land.sel(alpha=0, beta=0)
out, y = made.model(made.args[0]).detach(), made.targets
nll = float(-torch.distributions.Laplace(out, 1.0).log_prob(y).sum(1).mean())
kl = float(torch.distributions.kl_divergence(torch.distributions.Laplace(made.law, 1.0),
                                             torch.distributions.Laplace(out, 1.0)).sum(1).mean())
draws = np.mean([sum(float(v.sum()) for v in fisher_diagonal(made, seed=s).values()) for s in range(60)])
print(json.dumps({
    "gaps": [float(centre["loss"]) - nll, float(np.log(centre["perplexity"])) - nll, float(centre["density"]) - kl],
    "readouts": sorted(land.data_vars), "unavailable": json.loads(land.attrs["unavailable"]),
    "fisher": draws / spectrum(made, of="fisher", device="cpu").trace,
    "perplexity": "perplexity" in density_map(made, permutations=5),
    "same": problem_identity(made) == problem_identity(problem(loss=Laplace())),
    "other": problem_identity(made) == problem_identity(problem(loss=Laplace(2.0))),
}))
"""


def block(number: int) -> str:
    return re.findall(r"```python\n(.*?)```", RECIPE, re.S)[number]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `lossnav` with the three tops in it and one likelihood more: a file and a line (and its import)."""
    top = tmp_path_factory.mktemp("copy") / "lossnav"
    for folder in ("core", "explorer", "sample_models"):
        shutil.copytree(ROOT / folder, top / folder, ignore=shutil.ignore_patterns("__pycache__"))
    likelihoods = top / "core" / "problem" / "likelihoods"
    (likelihoods / "laplace.py").write_text(block(0), encoding="utf-8")
    (list_file := likelihoods / "__init__.py").write_text(
        list_file.read_text(encoding="utf-8")
        .replace("from .poisson", f"{block(1).splitlines()[0]}\nfrom .poisson")
        .replace("    Poisson,\n", "    Poisson,\n    Laplace,\n"),
        encoding="utf-8",
    )
    (top.parent / "theirs.py").write_text(PROBLEM, encoding="utf-8")
    return top.parent


def python(tree: Path, *words: str) -> str:
    # -S keeps the editable installation's own finder of `lossnav` out; what it would add is put back by hand
    paths = os.pathsep.join([str(tree), str(ROOT / "tests"), *(p for p in sys.path if p.endswith("site-packages"))])
    run = subprocess.run(
        [sys.executable, "-S", *words],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(tree)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
def test_a_likelihood_is_its_file_and_its_line(tree: Path) -> None:
    out = str(tree / "out.zarr")
    words = ("survey", str(tree / "theirs.py"), "--grid", "3", "--effort", "preview", "--out", out, "--of", "ggn")
    faces = json.loads(python(tree, "-c", FACES, str(tree), out, json.dumps(words)).splitlines()[-1])
    assert max(map(abs, faces["gaps"])) < 1e-9
    assert {"perplexity", "perplexity_excess", "density", "elasticity"} <= set(faces["readouts"])
    assert not {"perplexity", "density", "elasticity"} & set(faces["unavailable"])
    assert faces["fisher"] == pytest.approx(1.0, abs=0.1)
    assert faces["perplexity"]
    assert faces["same"]
    assert not faces["other"]
