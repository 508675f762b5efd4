"""The shipped landscapes, and all that the command and the page make of landscapes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from contextlib import redirect_stdout
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

    Over the span that they have: the ends of a trajectory's plane differ in the last bits from machine to machine."""
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
        yield f"{source.name} at other settings", read_landscape(source, Settings(2.0, 0.5, 1.5, 0.02, 0.1, 0.2))


def figures() -> Items:
    """Figures for papers, to the byte; every readout is drawn."""
    problem, room = load_problem("gaussians-mlp"), ROOM
    made = {"adaptive": ("trajectory", {"tolerance": 0.02}), "line": ("line", {}), "eigen": ("eigen, bottom", {})}
    for name, (kind, asked) in made.items():
        survey(problem, PLANES[kind](problem), (9, 9), overlays=("all",), store=room / f"{name}.zarr", **asked)
        for view in (("map", "pdf"), ("surface", "svg")) if kind != "line" else (("map", "svg"),):
            yield f"{name} {view}", figure(room / f"{name}.zarr", *view, "--color", "viscosity")
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
    path = ROOM / "export"
    for source in SHIPPED:
        for ending in (".nc", ".csv", *((".vtk", ".vts") if source.name.startswith(LIGHT) else ())):
            lossnav_command("convert", str(source), str(path.with_suffix(ending)))
            with xr.open_dataset(path.with_suffix(".nc"), engine="h5netcdf") as opened:
                yield (
                    f"{source.name} {ending}",
                    opened.load() if ending == ".nc" else path.with_suffix(ending).read_bytes(),
                )


def commands() -> Items:
    """The other commands: what they write, and what they say."""
    path, light = ROOM, ("gaussians-mlp", "--device", "cpu")
    centre = ("--plane", "trajectory", "--centre", "7", "--turn", "20", "--zoom", "2", "--every", "1")
    asked = {
        "random.zarr": ("--grid", "5x5"),
        "centre.zarr": (*centre, "--grid", "3x3", "--examples", "100", "--of", "ggn"),
    }
    asked["adaptive.zarr"] = (
        "--grid",
        "9x9",
        "--tolerance",
        "0.02",
        "--costly",
        "0.2",
        "--scale",
        "log",
        "--overlay",
        "viscosity",
    )
    for out, options in asked.items():
        lossnav_command("survey", *light, *options, "--out", str(path / out))
        yield f"survey {out}", read_landscape(path / out)
        yield f"survey {out}, on disk", on_disk(path / out)
    program = [
        str(Path(sys.executable).with_name("lossnav")),
        "survey",
        *light,
        "--grid",
        "5x5",
        "--out",
        str(path / "process.zarr"),
    ]
    subprocess.run(program, check=True, capture_output=True)
    yield "survey in a process of its own", read_landscape(path / "process.zarr")
    others = {"spectrum.json": ("spectrum", *light, "--checkpoint", "5", "--of", "ggn")}
    others["along.json"] = (
        "spectrum",
        "digits-small-batch",
        "3",
        "--along",
        "--steps",
        "10",
        "--probes",
        "2",
        "--top",
        "2",
    )
    others["coupling.json"] = ("coupling", *light, "--at", "0.5,-0.5", "--plane", "trajectory")
    for out, words in others.items():
        yield f"{out}, said", lossnav_command(*words, "--out", str(path / out))
        yield out, json.loads((path / out).read_text("utf-8"))
    yield "density, said", lossnav_command("density", *light, "--permutations", "50")
    yield "samples, said", lossnav_command("samples")


def lossnav_command(*words: str) -> str:
    """What the `lossnav` command prints, run in this process."""
    main = entry_points(group="console_scripts", name="lossnav")["lossnav"].load()
    sys.argv, said = ["lossnav", *words], io.StringIO()
    with redirect_stdout(said):
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"lossnav {' '.join(words)} ended with {end.code}") from end
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
