"""One adapter per tool, each used as its own documentation says; imported only in the process that measures it.

An adapter has `grid(case, steps)` → Walk, or `top(case, count, tolerance)` → callable → (eigenvalues, vectors),
or `slq(case, steps)` → callable → (nodes, weights), or several of them.
"""

ADAPTERS = {
    "lossnav": "lossnav_core",
    "loss-landscapes": "loss_landscapes_plane",
    "landscaper": "landscaper_landscape",
    "loss-landscape-anim": "anim_loss_grid",
    "Li et al. 2018": "li_et_al",
    "Li et al. 2018, 2 loader workers": "li_et_al_workers",
    "bare loop": "bare_loop",
    "curvlinops": "curvlinops_hessian",
    "PyHessian": "pyhessian_power",
}
DISTRIBUTIONS = {
    "loss-landscapes": "loss-landscapes",
    "landscaper": "landscaper",
    "loss-landscape-anim": "loss-landscape-anim",
    "curvlinops": "curvlinops-for-pytorch",
    "PyHessian": "PyHessian",
}
