"""How a landscape's forward passes were run, in sentences, where that is not simply as asked."""

from __future__ import annotations

import xarray as xr


def forward_sentences(land: xr.Dataset) -> list[str]:
    """Sentences on a lower precision that was asked for, and on a way of running that failed, each once.

    >>> spec = '{"precision_choice": {"why": "bf16 runs."}, "fallbacks": ["Plainly.", "Plainly."]}'
    >>> forward_sentences(xr.Dataset(attrs={"spec": spec}))
    ['bf16 runs.', 'Plainly.']
    >>> forward_sentences(xr.Dataset())
    []
    """
    spec = land.lossnav.spec or {}
    chosen = [spec["precision_choice"]["why"]] if "precision_choice" in spec else []
    return list(dict.fromkeys([*chosen, *spec.get("fallbacks", [])]))
