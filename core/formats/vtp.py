"""Landscapes from VTK's surfaces: a `.vtp` that this project, ParaView or the reference of Li et al. (2018) wrote."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..checks import InputError
from ..machine.atomic import File
from ..machine.memory import byte_text
from ..properties import READOUTS, owner_of
from ..survey.integrity import MOST_POINTS
from .files import Floats, _existing
from .vtk import UNITS

LARGEST = 2**30  # bytes of a file
MOST_BYTES = 8 * 3 * MOST_POINTS  # of one array
TYPES = {
    **{
        f"{kind}{bits}": f"{letter}{bits // 8}"
        for kind, letter in (("Int", "i"), ("UInt", "u"))
        for bits in (8, 16, 32, 64)
    },
    **{"Float32": "f4", "Float64": "f8"},
}
PACKED = "vtkZLibDataCompressor"
RAW = re.compile(rb"<AppendedData[^>]*>\s*_")
LOSSES = ("loss", "train_loss", "test_loss")  # the first of these that there is; without any, the height


def read_vtp(path: File) -> xr.Dataset:
    """The landscape in a surface whose points lie over a rectangular grid; a point of the grid that is missing is NaN.

    α is x, β is y; an array over the points is a variable of its own name. Without an array "loss" the height is the loss.

    Raises
    ------
    InputError  no such surface, or a file that says that it holds more than any landscape
    """
    path = _existing(path)
    if path.stat().st_size > LARGEST:
        raise InputError(
            f"'{path.name}' has {byte_text(path.stat().st_size)}, more than any landscape: it is not read."
        )
    try:
        piece, decode = _opened(path.read_bytes())
        points = decode(_arrays(piece, "Points")[0]).reshape(-1, 3).astype(float)
        units = {
            str(a.get("Name")): a.findtext(f"InformationKey[@name='{UNITS}']", "") for a in _arrays(piece, "PointData")
        }
        named = {
            str(a.get("Name")): decode(a)
            for a in _arrays(piece, "PointData")
            if a.get("NumberOfComponents", "1") == "1"
        }
        return _landscape(points, {name: values.astype(float) for name, values in named.items()}, units, path)
    except InputError:
        raise
    except Exception as error:  # damage of any kind is a sentence
        raise InputError(
            f"A surface of VTK was expected, PolyData in XML with one piece, but {path.name!r} is none or is damaged; make or copy "
            "it again."
        ) from error


def _opened(content: bytes) -> tuple[ElementTree.Element, Any]:
    """The file's piece, and what turns one of its arrays into numbers."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:  # which could name other files, or unpack without end
        raise InputError(
            "A surface of VTK declares no types and entities of its own, but this file does: it is not read."
        )
    appended, begin = b"", RAW.search(content)
    if begin:
        end = content.rindex(b"</AppendedData>")
        appended, content = content[begin.end() : end], content[: begin.end()] + content[end:]
    if b"\0" in content:  # another encoding, of which the check above sees nothing
        raise ValueError("no text")
    root = ElementTree.fromstring(content)
    pieces = root.findall("./PolyData/Piece")
    if root.get("type") != "PolyData" or len(pieces) != 1:
        raise ValueError("no surface, or one of several pieces")
    tail = root.find("AppendedData")
    raw = tail is not None and tail.get("encoding") == "raw"
    return pieces[0], lambda array: _numbers(array, root, appended, raw)


def _arrays(piece: ElementTree.Element, part: str) -> list[ElementTree.Element]:
    return piece.findall(f"./{part}/DataArray")


def _numbers(array: ElementTree.Element, root: ElementTree.Element, appended: bytes, raw: bool) -> NDArray[Any]:
    """An array's numbers, however they are written."""
    order = ">" if root.get("byte_order") == "BigEndian" else "<"
    kind = np.dtype(order + TYPES[str(array.get("type"))])
    if array.get("format") == "ascii":
        return np.array((array.text or "").split(), dtype=float)
    if array.get("format") == "appended":
        content = appended[int(array.get("offset", 0)) :]
    else:
        content, raw = (array.text or "").strip().encode(), False
    header = np.dtype(order + TYPES[root.get("header_type", "UInt32")])
    packed = root.get("compressor")
    if packed not in (None, PACKED):
        raise InputError(f"Numbers packed by {packed} are not read: save the surface with zlib, or as ASCII.")
    return np.frombuffer((_unpacked if packed else _as_they_are)(content, header, raw), kind)


def _as_they_are(content: bytes, header: np.dtype[Any], raw: bool) -> bytes:
    """The bytes after a number that says how many they are; both in one text."""
    wide = header.itemsize
    size = _sized(int(np.frombuffer(_part(content, wide, raw), header)[0]))
    return _part(content, wide + size, raw)[wide:]


def _unpacked(content: bytes, header: np.dtype[Any], raw: bool) -> bytes:
    """Packed blocks, after their number, the size of each unpacked, of the last one, and the sizes packed; these in one text, and
    the blocks in another."""
    wide = header.itemsize
    count, size, last = (int(n) for n in np.frombuffer(_part(content, 3 * wide, raw), header))
    _sized(count * max(size, 1))
    told = (3 + count) * wide
    packed = np.frombuffer(_part(content, told, raw), header)[3:].astype(np.int64).tolist()
    body = _part(content[told if raw else _letters(told) :], sum(packed), raw)
    sizes = [size] * (count - 1) + [last or size]
    starts = np.cumsum([0, *packed]).tolist()
    return b"".join(
        zlib.decompressobj().decompress(body[start : start + each], most)
        for start, each, most in zip(starts, packed, sizes, strict=False)
        if most  # 0 would be no bound
    )


def _part(content: bytes, size: int, raw: bool) -> bytes:
    """The first bytes of what is written as they are, or as text."""
    part = content[:size] if raw else base64.b64decode(content[: _letters(size)], validate=True)[:size]
    if len(part) < size:
        raise ValueError("it ends too early")
    return part


def _letters(size: int) -> int:
    return 4 * -(-size // 3)


def _sized(size: int) -> int:
    if not 0 <= size <= MOST_BYTES:
        raise InputError(f"An array says that it has {byte_text(size)}, more than any landscape: it is not read.")
    return size


def _landscape(points: Floats, named: dict[str, Floats], units: dict[str, str], path: Path) -> xr.Dataset:
    """The numbers, each at its place of the grid."""
    (alpha, rows), (beta, columns) = (np.unique(points[:, k], return_inverse=True) for k in (0, 1))
    count = len(points)
    if not np.isfinite(points[:, :2]).all() or count < 1 or alpha.size * beta.size > 4 * count:
        raise InputError(
            f"The points of a landscape lie over a rectangular grid of α and β, but those of {path.name!r} do not; give a surface "
            "that `lossnav convert` wrote, or one that is not turned or cut."
        )
    loss = next((named[name] for name in LOSSES if name in named), points[:, 2])
    variables = {
        name: values for name, values in named.items() if len(values) == count and name not in ("alpha", "beta")
    }

    def over(values: Floats) -> Floats:
        grid = np.full((alpha.size, beta.size), np.nan)
        grid[rows, columns] = values
        return grid

    words = {name: _words(name) | {"units": units.get(name, "").strip()} for name in {**variables, "loss": loss}}
    arrays = {
        name: (("alpha", "beta"), over(values), words[name]) for name, values in {**variables, "loss": loss}.items()
    }
    land = xr.Dataset(arrays, coords={"alpha": alpha, "beta": beta}, attrs=_attrs(path))
    marks = [name for name in land.data_vars if str(name).split("_")[0] == "measured"]
    land = land.assign({name: land[name].fillna(0).astype(bool) for name in marks})
    for name in land.data_vars:
        if not _has_gaps(land, land[name]):
            land[name].attrs.pop("stage", None)
    return land


def _has_gaps(land: xr.Dataset, values: xr.DataArray) -> bool:
    """Whether a readout is there where its stage was measured, and nowhere else: only then are its gaps for others to fill."""
    mark = f"measured_{values.attrs.get('stage', '')}"
    return mark in land and bool(np.isnan(values.values[~land[mark].values]).all())


def _words(name: str) -> dict[str, Any]:
    """A readout's words by its name alone; its unit follows from how it was measured, and only the file knows that."""
    readout = READOUTS.get(name.removesuffix("_se"))
    if readout is None:
        return {"long_name": name.replace("_", " ")}
    words: dict[str, Any] = {
        "long_name": readout.label,
        "units": readout.unit,
        "property": owner_of(readout.variable).name,
    }
    words |= {"stage": readout.stage, "scale": readout.scale, "zero": int(readout.zero)}
    if name.endswith("_se"):
        return {**words, "long_name": f"{readout.label}: {readout.error}", "error_of": readout.variable}
    labels = {"labels": json.dumps(readout.labels)} if readout.labels else {}
    return {**words, "low_pole": readout.poles[0], "high_pole": readout.poles[1], **labels}


def _attrs(path: Path) -> dict[str, str]:
    return {
        "name": path.stem,
        "plane": '{"kind": "unknown", "cosine": null, "explained": null, "normalize": "unknown"}',
        "unavailable": "{}",
        "provenance": '[{"imported_from": "surface of VTK"}]',
    }
