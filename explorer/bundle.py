"""All that belongs beside a figure in a paper, in one ZIP: figure, caption, references, numbers, and how it was made."""

from __future__ import annotations

import io
import json
import shlex
import tempfile
import zipfile
from pathlib import Path

import xarray as xr
from lossnav.core import Settings
from lossnav.core.formats import write_csv
from lossnav.core.properties import KNOBS

from .figures.paper import PaperSpec, draw_map, draw_surface, save
from .figures.paper.camera import angles
from .summaries.adaptive import adaptive_text
from .summaries.caption import caption, drawn
from .summaries.paths import walks_as_json
from .summaries.references import bibtex

FILES = ("figure.pdf", "caption.txt", "references.bib", "data.csv", "made.json")
PATHS = "paths.json"  # besides, where other trainings or walks are drawn
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # a date of the ZIP's own, so that the same content is the same bytes


def bundle(land: xr.Dataset, spec: PaperSpec, kind: str) -> bytes:
    """The ZIP's bytes: FILES and PATHS, the figure being the map or the surface as `kind` says; the same for the same landscape."""
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(land, spec, kind, Path(place))
        for name in (*FILES, *([PATHS] if spec.picture.walks else [])):
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, Path(place, name).read_bytes())
    return content.getvalue()


def _write(land: xr.Dataset, spec: PaperSpec, kind: str, folder: Path) -> None:
    draw = draw_surface if kind == "surface" else draw_map
    save(draw(land, spec), folder / "figure.pdf", adaptive_text(land))
    write_csv(land, folder / "data.csv")
    texts = {
        "caption.txt": caption(land, spec.picture, kind),
        "references.bib": bibtex(land, drawn(land, spec.picture, kind)).rstrip("\n"),
        "made.json": json.dumps(_made(land, command(spec, kind) + knobs(land)), indent=2, ensure_ascii=False),
    }
    if spec.picture.walks:
        paths = walks_as_json(spec.picture.walks, land.lossnav.plane)
        texts[PATHS] = json.dumps(paths, indent=1, ensure_ascii=False)
    for name, text in texts.items():
        (folder / name).write_text(f"{text}\n", encoding="utf-8")


def command(spec: PaperSpec, kind: str = "map") -> str:
    """The command that draws a picture again from its landscape's file.

    >>> command(PaperSpec(color="viscosity"), "surface")
    'lossnav figure LANDSCAPE -o figure.pdf --kind surface --width single --camera=-55,36 --surface loss --scale log \
--color viscosity --color-scale linear --contours loss'
    """
    picture = spec.picture
    words = ["lossnav", "figure", "LANDSCAPE", "-o", "figure.pdf", "--kind", kind, "--width", spec.width]
    words += [f"--camera={','.join(f'{each:.4g}' for each in angles(spec.camera))}"] if kind == "surface" else []
    for layer, name, scale in (
        (picture.elevation, "--surface", "--scale"),
        (picture.color, "--color", "--color-scale"),
    ):
        words += [name, layer.variable] + ([scale, layer.scale.kind] if layer.scale.kind != "class" else [])
    own = [picture.elevation.variable] if picture.contours else []
    lines = (*own, *(each.variable for each in picture.lines)) or ("none",)
    words += [word for line in lines for word in ("--contours", line)]
    words += [] if picture.path else ["--no-path"]
    words += ["--paths", PATHS] if picture.walks else []
    return shlex.join(words + (["--arrows"] if picture.arrows else []))


def knobs(land: xr.Dataset) -> str:
    """The end of that command: the settings of properties under which a landscape was derived, where they are not the usual ones.

    >>> knobs(xr.Dataset(attrs={"settings": '{"temperature": 2.0, "width": null}'})), knobs(xr.Dataset())
    (' --knob temperature=2', '')
    """
    turned = json.loads(land.attrs.get("settings", "{}"))
    usual = Settings()
    return "".join(
        f" --knob {name}={value:.12g}"
        for name, value in turned.items()
        if name in KNOBS and value is not None and value != getattr(usual, name)
    )


def _made(land: xr.Dataset, drawn_by: str) -> dict[str, object]:
    about = land.lossnav
    origin = {"problem": about.problem, "plane": about.plane, "arithmetic": about.spec, "runs": about.provenance or ()}
    return {"figure": drawn_by, **origin}
