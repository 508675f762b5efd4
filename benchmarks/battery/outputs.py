"""The shipped landscapes, and all that the command and the page make of landscapes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import lossnav.explorer
import xarray as xr
from lossnav.core import PROPERTIES, Settings, load_problem, read_landscape

from . import ROOM
from .cases import LIGHT, MIDDLE, PLANES, SHIPPED, Items, survey
from .digests import parts
from .surveys import on_disk


def shipped() -> Items:
    """The shipped landscapes: as they are read, and gone on with as they were made, when nothing is measured anew.

    Over the span that they have: the ends of a trajectory's plane differ in the last bits from machine to machine.
    """
    for source in SHIPPED:
        name, kind = source.name.split(".")[:2]
        problem, land, path = load_problem(name), read_landscape(source), ROOM / source.stem
        zipfile.ZipFile(source).extractall(path)
        span = tuple((float(land[axis][0]), float(land[axis][-1])) for axis in ("alpha", "beta"))
        asked = {"overlays": ("all",), "fidelity": True, "every": json.loads(land.attrs["every"])}
        again = survey(
            problem,
            PLANES[kind](problem),
            (51, 51),
            span,
            store=path,
            **asked,
        )
        measured = [[run["measurements"] for run in json.loads(each.attrs["provenance"])] for each in (land, again)]
        if measured[0] != measured[1] or parts(land) != parts(again):
            raise AssertionError(f"{source.name}: measured {measured}, and not the same landscape as before")
        yield source.name, again
        yield (
            f"{source.name} at other settings",
            read_landscape(source, Settings(temperature=2.0, strength=0.5, width=1.5, bend=0.2)),
        )


def figures() -> Items:
    """Figures for papers, to the byte; every readout is drawn."""
    problem = load_problem("gaussians-mlp")
    made = {"adaptive": ("trajectory", {"tolerance": 0.02}), "line": ("line", {}), "eigen": ("eigen, bottom", {})}
    for name, (kind, asked) in made.items():
        survey(problem, PLANES[kind](problem), (9, 9), overlays=("all",), store=ROOM / f"{name}.zarr", **asked)
        for view in (("map", "pdf"), ("surface", "svg")) if kind != "line" else (("map", "svg"),):
            yield f"{name} {view}", figure(ROOM / f"{name}.zarr", *view, "--color", "viscosity")
    for turn, source in enumerate(SHIPPED):
        drawn = readouts(source)
        first, second, third = (drawn[(3 * turn + k) % len(drawn)] for k in range(3))
        arrows = ["--arrows"] if "elasticity_force_alpha" in drawn else []
        yield f"{source.name} svg", figure(source, "map", "svg", "--scale", "linear", "--title", "Loss")
        yield (
            f"{source.name} pdf {first}",
            figure(source, "map", "pdf", "--width", "double", "--color", first, "--contours", second),
        )
        yield (
            f"{source.name} png {third}",
            figure(source, "surface", "png", "--color", third, "--camera=30,50", *arrows),
        )


def readouts(path: Path) -> list[str]:
    """The names of a landscape's readouts that have values."""
    land = read_landscape(path)
    over = (
        str(n) for n, v in land.items() if v.dims == ("alpha", "beta") and v.dtype.kind == "f" and v.notnull().any()
    )
    return sorted(name for name in over if not name.endswith("_se"))


def figure(source: Path, kind: str, ending: str, *options: str) -> bytes:
    """The bytes of `lossnav figure`."""
    path = ROOM / f"figure.{ending}"
    lossnav_command("figure", str(source), "-o", str(path), "--kind", kind, *options)
    return path.read_bytes()


def exports() -> Items:
    """`lossnav convert`: texts to the byte, NetCDF as it is read back."""
    for source in SHIPPED:
        for ending in ("nc", "csv", *(("vtk", "vts") if source.name.startswith(LIGHT) else ())):
            path = ROOM / f"export.{ending}"
            lossnav_command("convert", str(source), str(path))
            yield f"{source.name} {ending}", path.read_bytes() if ending != "nc" else netcdf(path)


def netcdf(path: Path) -> xr.Dataset:
    """A NetCDF file's content."""
    with xr.open_dataset(path, engine="h5netcdf") as opened:
        return opened.load()


SURVEYS = {
    "plain": "--grid 5x5",
    "elsewhere": "--plane trajectory --centre 7 --turn 20 --zoom 2 --grid 3x3 --every 1 --examples 100 --of ggn",
    "adaptive": "--grid 9x9 --tolerance 0.02 --costly 0.2 --scale log --overlay viscosity",
}
OTHERS = {
    "spectrum": "spectrum gaussians-mlp --checkpoint 5 --of ggn",
    "along": "spectrum digits-small-batch 3 --along --steps 10 --probes 2 --top 2",
    "coupling": "coupling gaussians-mlp --at 0.5,-0.5 --plane trajectory",
}


def commands() -> Items:
    """The other commands: what they write, and what they say."""
    for what, options in SURVEYS.items():
        path = ROOM / f"command {what}.zarr"
        lossnav_command("survey", "gaussians-mlp", *options.split(), "--device", "cpu", "--out", str(path))
        yield f"survey {what}", read_landscape(path)
        yield f"survey {what}, on disk", on_disk(path)
    for what, words in OTHERS.items():
        path = ROOM / f"command {what}.json"
        yield f"{what}, said", lossnav_command(*words.split(), "--device", "cpu", "--out", str(path))
        yield what, json.loads(path.read_text("utf-8"))
    yield "density, said", lossnav_command("density", "gaussians-mlp", "--permutations", "50", "--device", "cpu")
    yield "samples, said", lossnav_command("samples")
    path = ROOM / "command process.zarr"
    words = ("survey", "gaussians-mlp", *SURVEYS["plain"].split(), "--device", "cpu", "--out", str(path))
    subprocess.run([Path(sys.executable).with_name("lossnav"), *words], check=True, capture_output=True)
    yield "survey in a process of its own", read_landscape(path)


def lossnav_command(*words: str) -> str:
    """Output of the `lossnav` command, run in this process."""
    main = entry_points(group="console_scripts", name="lossnav")["lossnav"].load()
    sys.argv, said, beside = ["lossnav", *words], io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(beside):
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"lossnav {' '.join(words)}: {beside.getvalue()}") from end
    return said.getvalue()


def pages() -> Items:
    """The Terrain page's figures: every shipped landscape, then every property switched on in turn."""
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(Path(lossnav.explorer.__path__[0]) / "app.py"), default_timeout=120).run()
    for source in SHIPPED:
        name, kind = source.name.split(".")[:2]
        app.selectbox(key="model").set_value(name)
        app.selectbox(key="plane").set_value(kind).run()
        yield f"{name} {kind}", page_figures(app)
        for owner in PROPERTIES if kind == "random" and name in (*MIDDLE[3:], *LIGHT) else ():
            if not app.toggle(key=f"on_{owner.name}").disabled:
                app.toggle(key=f"on_{owner.name}").set_value(True).run()
                yield f"{name} {owner.name}", page_figures(app)
                app.toggle(key=f"on_{owner.name}").set_value(False).run()


def page_figures(app: Any) -> list[Any]:
    """The figures that a page shows, as Plotly has them."""
    if app.exception:
        raise RuntimeError(app.exception[0].message)
    shown = [json.loads(component.proto.json) for component in app.get("bidi_component")]
    return [each["figure"] for each in shown if "figure" in each]
