"""The papers of the methods behind a picture, as BibTeX: those that its readouts, its plane and its estimators cite."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import xarray as xr
from lossnav.core.plane.kinds import kind_stored
from lossnav.core.properties import READOUTS

AUTHOR = r"[A-Z][\w'’-]+"
CITATION = re.compile(rf"({AUTHOR})(?: et al\.|(?:, {AUTHOR})* (?:&|and) {AUTHOR})?,? \(?((?:19|20)\d\d)")
# probes of the trace, products with the Hessian, and spectra from them
ESTIMATORS = ("hutchinson1990", "pearlmutter1994", "ubaru2017")


def bibtex(land: xr.Dataset, variables: Iterable[str]) -> str:
    """BibTeX of the papers that the readouts `variables` of a landscape rest on, in alphabetical order of their keys.

    >>> entries = bibtex(xr.Dataset(attrs={"plane": '{"kind": "random"}'}), ["viscosity_sam"])
    >>> [line for line in entries.splitlines() if line.startswith("@")]
    ['@inproceedings{foret2020,', '@inproceedings{li2018,']
    """
    keys = set(_of_plane(land))
    for readout in (READOUTS[name] for name in variables if name in READOUTS):
        keys |= cited(readout.explain)
        keys |= set(ESTIMATORS) if readout.stage == "curvature" else set()
    return "\n\n".join(text for key, text in sorted(entries().items()) if key in keys) + "\n"


def cited(text: str) -> set[str]:
    """Keys of the papers that a text names as "Author et al. 2018": the first author and the year.

    >>> sorted(cited("As in Li et al. 2018 (Fig. 7) and (Krogh & Hertz 1992)."))
    ['krogh1992', 'li2018']
    >>> sorted(cited("Bartlett, Foster & Telgarsky 2017; Lyu and Li (2020)"))
    ['bartlett2017', 'lyu2020']
    """
    return {f"{name.lower()}{year}" for name, year in CITATION.findall(text)}


@cache
def entries() -> dict[str, str]:
    """Every entry of references.bib, by its key."""
    text = files(__package__).joinpath("references.bib").read_text(encoding="utf-8")
    return {each[each.index("{") + 1 : each.index(",")]: each.strip() for each in re.split(r"\n\n(?=@)", text)}


def _of_plane(land: xr.Dataset) -> set[str]:
    plane = land.lossnav.plane
    kind = kind_stored(plane.get("kind", ""))
    filtered = {"li2018"} if plane.get("normalize") == "filter" else set()
    return filtered | (cited(kind.source) if kind else set())
