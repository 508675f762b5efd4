"""`load_problem`: a sample by its name, or the user's own file or function."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ..checks import InputError, known
from ..foreign import plain_file
from .kept_trials import keep_trials
from .problem import Problem
from .user_code import said_of_user_code

SAMPLES_GROUP = "lossnav.samples"

NEITHER = "'{}' is neither a Python file nor a folder of transformers: give a .py file that defines `problem`, or a sample's name."


def load_problem(target: str | Path) -> Problem:
    """The problem that `target` names.

    Parameters
    ----------
    target  a sample's name ("digits-resnet"); "path/to/file.py", whose `problem` is a Problem or a function
            returning one; "path/to/file.py:name" or "package.module:name" for another name in it;
            "path/to/folder:texts.txt", a language model of transformers, or peft's adapter of one, on these texts or tokens

    Raises
    ------
    InputError  nothing there, no problem in it, or an unknown sample (with the nearest name)
    """
    text = str(target)
    path, _, attribute = text.partition(":")
    if path.endswith(".py"):
        return _problem_in(_module_from_file(Path(path)), attribute or "problem", text)
    if _is_folder_of_transformers(Path(path)):
        return _language_problem(Path(path), attribute)
    if attribute:
        return _problem_in(_module_by_name(path), attribute, text)
    return _sample(text)


def _is_folder_of_transformers(path: Path) -> bool:
    return any((path / name).is_file() for name in ("config.json", "adapter_config.json"))


def _language_problem(folder: Path, texts: str) -> Problem:
    if not texts:
        raise InputError(
            f"'{folder}' is a folder of transformers, whose landscape is on texts: give a file of them, or of tokens, --texts "
            f"texts.txt, or both as {folder}:texts.txt."
        )
    return keep_trials(Problem.from_transformers(folder, Path(texts), name=folder.resolve().name))


def sample_names() -> list[str]:
    """Names of the samples that are installed, other packages' own among them."""
    return [point.name for point in _samples()]


def _samples() -> list[Any]:
    found = {point.name: point for point in entry_points(group=SAMPLES_GROUP)}
    return list(found.values())


def _sample(name: str) -> Problem:
    points = {point.name: point for point in _samples()}
    if Path(name).exists():
        raise InputError(NEITHER.format(name))
    known(name, points, "sample")
    return _problem_from(points[name].load(), name)


def _module_from_file(path: Path) -> ModuleType:
    if not plain_file(path).exists():
        raise InputError(f"No Python file at '{path}': check the path.")
    name = f"lossnav_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent.resolve()))  # the file may import its neighbours
    try:
        with said_of_user_code(path):
            spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module


def _module_by_name(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if "/" in name and Path(name).exists():
            raise InputError(NEITHER.format(name)) from error
        raise InputError(f"No module named '{error.name}': install it, or give the path of a .py file.") from error


def _problem_in(module: ModuleType, attribute: str, target: str) -> Problem:
    if not hasattr(module, attribute):
        raise InputError(
            f"'{target}' should define `{attribute}`, a Problem or a function returning one, but has no such name: "
            "add `def problem(): return Problem(model, inputs, targets)`."
        )
    return _problem_from(getattr(module, attribute), target)


def _problem_from(thing: Any, target: str) -> Problem:
    if callable(thing) and not isinstance(thing, nn.Module):
        with said_of_user_code(target.partition(":")[0]):
            problem = thing()
    else:
        problem = thing
    if not isinstance(problem, Problem):
        raise InputError(f"'{target}' should give a lossnav Problem, but gives a {type(problem).__name__}.")
    if problem.name == type(problem.model).__name__:
        problem.name = Path(target.partition(":")[0]).stem  # a file's name says more than "Sequential"
    return keep_trials(problem)
