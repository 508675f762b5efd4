"""Names in a file of weights held against a network's: what wrappers and trainers put before and between is taken off."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..checks import InputError

# what DataParallel, torch.compile, FSDP and activation checkpointing put into names, wherever they stand
WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
# peft: the adapter's name stands behind these in the network, and not in the file
_ADAPTER = re.compile(r"\b((?:lora|vera|ia3|hada|lokr|loha|oft|boft|prompt)_\w+)\.(?!weight\b|bias\b)[^.]+")
_MAGNITUDE = re.compile(r"(lora_magnitude_vector)\.weight$")
_SAVED_WHOLE = re.compile(r"\.modules_to_save\.[^.]+")
ADAPTERS = re.compile(r"\b(?:lora|vera|ia3|hada|lokr|loha|oft|boft|prompt)_\w+")


@dataclass(frozen=True)
class Fit:
    """Which name in the file is which of the network's.

    names   the network's → the file's
    rest    names of the file that are none of the network's, and stand where its own do
    beside  names of the file that stand elsewhere: another network's, a loss's, an optimiser's
    said    what was done to the names, in a sentence; None: they are the same
    """

    names: Mapping[str, str]
    rest: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    said: str | None = None


def fit(stored: Collection[str], wanted: Sequence[Sequence[str]], prefix: str | None = None) -> Fit | None:
    """How the names `stored` in a file fit a network; None where they do not.

    Parameters
    ----------
    wanted  the network's names, tied ones together; one of each group must be in the file
    prefix  what stands before the network's names in the file; None: found

    Raises
    ------
    InputError  several parts of the file fit, so that a prefix must say which is meant

    >>> fit(["module.0.weight", "module.0.bias"], [["0.weight"], ["0.bias"]]).said
    "'module.' was taken off the names."
    >>> fit(["net.0.weight"], [["0.weight"], ["0.bias"]]) is None
    True
    """
    if prefix is not None:
        inside = {name[len(prefix) :]: name for name in stored if name.startswith(prefix)}
        return _told(_bare(inside), wanted, "", "", list(inside.values()))
    plain = {name: name for name in stored}
    if _holds(plain, wanted, "", ""):
        return _told(plain, wanted, "", "", stored)
    bare, own = _bare(plain), [[canonical(name) for name in group] for group in wanted]
    for added in _added(own):
        valid = [p for p in _prefixes(bare, own, added) if _holds(bare, own, p, added)]
        if len(valid) > 1 and "" not in valid:
            raise InputError(
                f"Several parts of the file fit this network, under {', '.join(repr(p) for p in sorted(valid)[:4])}: say "
                f"which is meant, as in prefix={sorted(valid)[0]!r}."
            )
        if valid:
            return _told(bare, wanted, "" if "" in valid else valid[0], added, stored)
    return None


def canonical(name: str) -> str:
    """The name without what wrappers put into it, and without an adapter's own name.

    >>> canonical("module.layers.0._orig_mod.weight"), canonical("q.lora_A.default.weight"), canonical("q.lora_A.weight")
    ('layers.0.weight', 'q.lora_A.weight', 'q.lora_A.weight')
    """
    name = _MAGNITUDE.sub(r"\1", _SAVED_WHOLE.sub("", _ADAPTER.sub(r"\1", name)))
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def _bare(names: Mapping[str, str]) -> dict[str, str]:
    """The file's names by their canonical ones, where these are different from each other."""
    by_canonical: dict[str, str] = {}
    for name, original in names.items():
        bare = canonical(name)
        by_canonical[name if bare in by_canonical else bare] = original
    return by_canonical


def _added(groups: Sequence[Sequence[str]]) -> list[str]:
    """Prefixes that all of the network's names may have and the file's may lack: "", "model.", "model.net.", …"""
    first = groups[0][0].split(".")[:-1] if groups else []
    starts = ["", *(".".join(first[: i + 1]) + "." for i in range(len(first)))]
    return [start for start in starts if all(name.startswith(start) for group in groups for name in group)]


def _prefixes(bare: Mapping[str, str], groups: Sequence[Sequence[str]], added: str) -> list[str]:
    """Prefixes of the longest of the network's names in the file."""
    if not groups:
        return [""]
    longest = max(groups, key=lambda group: len(group[0]))
    ends = [name[len(added) :] for name in longest]
    return list(dict.fromkeys(f[: -len(e)] for f in bare for e in ends if f == e or f.endswith(f".{e}")))


def _holds(bare: Mapping[str, str], groups: Sequence[Sequence[str]], prefix: str, added: str) -> bool:
    return all(any(prefix + name[len(added) :] in bare for name in group) for group in groups)


def _told(
    bare: Mapping[str, str], wanted: Sequence[Sequence[str]], prefix: str, added: str, stored: Collection[str]
) -> Fit | None:
    names: dict[str, str] = {}
    for group in wanted:
        there = {}
        for name in group:
            for form in (name, canonical(name)):
                if prefix + form[len(added) :] in bare:
                    there[name] = bare[prefix + form[len(added) :]]
                    break
        if not there:
            return None
        names |= there
    used = set(names.values())
    left = [name for name in stored if name not in used]
    rest = tuple(name for name in left if canonical(name).startswith(prefix))
    return Fit(names, rest, tuple(name for name in left if name not in rest), _sentence(names))


def _sentence(names: Mapping[str, str]) -> str | None:
    changed = {here: there for here, there in names.items() if here != there}
    if not changed:
        return None
    before = {there[: -len(here)] for here, there in changed.items() if there.endswith(here)}
    if len(before) == 1 and all(there.endswith(here) for here, there in changed.items()):
        return f"'{before.pop()}' was taken off the names."
    after = {here[: -len(there)] for here, there in changed.items() if here.endswith(there)}
    if len(after) == 1 and all(here.endswith(there) for here, there in changed.items()):
        return f"'{after.pop()}' was put before the names."
    here, there = next(iter(changed.items()))
    return f"Names were matched without what wrappers and adapters put into them ({_differing(there, here)})."


def _differing(there: str, here: str) -> str:
    """Two names less the parts that they begin with alike, as long names are cut where they are shown.

    >>> _differing("model.layers.0.q.lora_A.weight", "model.layers.0.q.lora_A.default.weight")
    "'…lora_A.weight' is '…lora_A.default.weight'"
    """
    parts = [name.split(".") for name in (there, here)]
    same = next((i for i, (a, b) in enumerate(zip(*parts, strict=False)) if a != b), 0)
    start = max(0, same - 1)
    return " is ".join(f"'{'…' * (start > 0)}{'.'.join(each[start:])}'" for each in parts)
