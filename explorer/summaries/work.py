"""What computing something at one point will take, in words, before it is begun."""

from __future__ import annotations

import xarray as xr


def products_text(land: xr.Dataset, products: int | None) -> str:
    """How many products with the Hessian; None: a number that depends on the layers.

    >>> products_text(xr.Dataset(attrs={"estimation": '{"all_examples": 1400}'}), 60)
    'Not computed here yet: about 60 products with the Hessian of all 1,400 examples.'
    """
    about = land.lossnav.estimation or {}
    examples = f" of all {about['all_examples']:,} examples" if "all_examples" in about else ""
    if products is None:
        return f"Not computed here yet: eight products with the Hessian{examples} for each layer, all of it where it is small."
    return f"Not computed here yet: about {products:,} products with the Hessian{examples}."
