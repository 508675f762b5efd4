"""How a landscape's forward passes were run, in sentences, where that is not simply as asked; and what they gave no number of."""

from __future__ import annotations

import xarray as xr


def forward_sentences(land: xr.Dataset) -> list[str]:
    """Sentences on a lower precision that was asked for, on a way of running that failed, and on metrics that did, each once.

    >>> spec = '{"precision_choice": {"why": "bf16 runs."}, "fallbacks": ["Plainly.", "Plainly."]}'
    >>> forward_sentences(xr.Dataset(attrs={"spec": spec}))
    ['bf16 runs.', 'Plainly.']
    >>> forward_sentences(xr.Dataset(attrs={"spec": '{"failures": {"f1": "it gives nan"}}'}))
    ["The metric 'f1' has no number at some points (it gives nan): they are gaps."]
    >>> forward_sentences(xr.Dataset())
    []
    """
    spec = land.lossnav.spec or {}
    chosen = [spec["precision_choice"]["why"]] if "precision_choice" in spec else []
    return list(dict.fromkeys([*chosen, *spec.get("fallbacks", []), *_failures(land)]))


def _failures(land: xr.Dataset) -> list[str]:
    nowhere, failures = land.lossnav.unavailable, (land.lossnav.spec or {}).get("failures", {})
    said = {
        name: f"The metric '{name}' has no number at some points ({why}): they are gaps."
        for name, why in failures.items()
    }
    return [nowhere.get(name, sentence) for name, sentence in said.items()]
