"""What computing something at one point will take, in words, before it is begun."""

from __future__ import annotations

import xarray as xr

PASSES = 6  # forward passes' worth of arithmetic in a product with the Hessian, about
PACE = 1.5e10  # operations a second of a modest core: said as a rough guess, nothing follows from it


def products_text(land: xr.Dataset, products: int | None) -> str:
    """How many products with the Hessian, and about how long that is; None: a number that depends on the layers.

    >>> products_text(xr.Dataset(attrs={"estimation": '{"pass_flops": 2.5e9, "all_examples": 1400}'}), 60)
    'Not computed here yet: about 60 products with the Hessian of all 1,400 examples, roughly 1 min.'
    """
    about = land.lossnav.estimation or {}
    examples = f" of all {about['all_examples']:,} examples" if "all_examples" in about else ""
    if products is None:
        return f"Not computed here yet: eight products with the Hessian{examples} for each layer, all of it where it is small."
    count = f"about {products:,} products with the Hessian{examples}"
    seconds = products * PASSES * float(about.get("pass_flops", 0.0)) / PACE
    return f"Not computed here yet: {count}{f', roughly {_duration(seconds)}' if seconds else ''}."


def _duration(seconds: float) -> str:
    if seconds < 1.5:
        return "a second"
    return f"{seconds:.0f} s" if seconds < 55 else f"{max(1, round(seconds / 60))} min"
