"""Whole files of every kind that is read, small, to be spoilt; some lead outside, to a pipe that nobody must open."""

from __future__ import annotations

import functools
import json
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from lossnav.core import Plane, Problem, Trajectory, coupling_matrix, density_map, spectrum, survey
from lossnav.core.formats.density_map import write_density_map
from lossnav.core.formats.netcdf import write_netcdf
from lossnav.core.formats.vtk import write_vtk
from lossnav.core.sealed import KEY, MARK
from lossnav.core.spectrum.io import SpectraAlong, StoredCoupling, write_along, write_coupling, write_spectrum
from lossnav.core.survey.packing import pack
from safetensors.torch import save
from torch import nn

AXIS = np.linspace(-1.0, 1.0, 3)
PIPE = "outside"  # beside the folder of the inputs


@functools.cache
def problem() -> Problem:
    """A network with a training path, three parameters a row."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(12, 2, generator=generator)
    model = nn.Linear(2, 3)
    with torch.no_grad():
        for each in model.parameters():
            each.copy_(torch.randn(each.shape, generator=generator))
    end = {name: p.detach().clone() for name, p in model.named_parameters()}
    path = Trajectory([{name: p * share for name, p in end.items()} for share in (0.2, 0.7, 1.0)])
    return Problem(model, inputs, torch.arange(12) % 3, trajectory=path)


@functools.cache
def store() -> Path:
    """A landscape on disk with readouts of every stage."""
    place = Path(tempfile.mkdtemp()) / "s.zarr"
    survey(problem(), Plane.random(problem()), (3, 3), overlays=("forward", "coupling"), effort="preview", store=place)
    return place


def of_file(write: Callable[[Path], Any], ending: str) -> bytes:
    """The bytes that `write` puts into a file of that ending."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        write(path)
        return undigested(path.read_bytes(), ending)


def undigested(content: bytes, ending: str) -> bytes:
    """A file without its digest, which would refuse whatever is spoilt before any reader looks at it."""
    if ending == ".json":
        return json.dumps({name: each for name, each in json.loads(content).items() if name != KEY}).encode()
    return content.partition(MARK.encode())[0] if ending == ".nc" else content


def safetensors() -> list[bytes]:
    """Parameters with metadata, all kinds of numbers, and none."""
    kinds = {str(k).rpartition(".")[2]: torch.ones(2, 3).to(k) for k in (torch.float16, torch.bfloat16, torch.int64)}
    return [save(dict(problem().model.state_dict()), {"step": "3"}), save(kinds), save({"w": torch.zeros(0, 4)})]


def pickled() -> list[bytes]:
    """Zipped and in the old way; with an optimiser's state."""
    model = problem().model
    optimiser = torch.optim.Adam(model.parameters())
    contents = [model.state_dict(), {"model": model.state_dict(), "optimizer": optimiser.state_dict(), "epoch": 3}]
    return [
        of_file(lambda path, c=c, z=z: torch.save(c, path, _use_new_zipfile_serialization=z), ".pt")  # type: ignore[misc]
        for c in contents
        for z in (True, False)
    ]


def li_h5(pipe: str) -> list[bytes]:
    """Surfaces as the reference implementation writes them; with links to other files."""

    def surface(path: Path, **packed: Any) -> None:
        with h5py.File(path, "w") as file:
            file["xcoordinates"] = file["ycoordinates"] = AXIS
            for name in ("train_loss", "train_acc"):
                file.create_dataset(name, data=np.arange(9.0).reshape(3, 3), **packed)

    def linked(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file["xcoordinates"] = file["ycoordinates"] = AXIS
            file["train_loss"] = h5py.ExternalLink(pipe, "x")
            file.create_dataset("train_acc", (3, 3), "f8", external=[(pipe, 0, h5py.h5f.UNLIMITED)])

    packed = {"chunks": (3, 3), "compression": "gzip", "shuffle": True}
    return [of_file(surface, ".h5"), of_file(lambda path: surface(path, **packed), ".h5"), of_file(linked, ".h5")]


def netcdf() -> list[bytes]:
    """The landscape as NetCDF, whole and with the loss alone."""
    from lossnav.core import read_landscape

    land = read_landscape(store())
    return [of_file(lambda path, each=each: write_netcdf(each, path), ".nc") for each in (land, land[["loss"]])]  # type: ignore[misc]


def vtp() -> list[bytes]:
    """A landscape as text, and with its numbers packed and appended as they are."""
    from lossnav.core import read_landscape

    land = read_landscape(store())
    text = of_file(lambda path: write_vtk(land, path), ".vtp")
    return [text, _packed(land["loss"].to_numpy())]


def _packed(values: np.ndarray) -> bytes:
    """As ParaView writes a surface."""
    a, b = np.meshgrid(AXIS, AXIS, indexing="ij")
    blobs = []
    for numbers in (np.stack([a, b, values], -1).astype("<f8").tobytes(), values.astype("<f8").tobytes()):
        small = zlib.compress(numbers)
        blobs.append(struct.pack("<QQQQ", 1, len(numbers), 0, len(small)) + small)
    arrays = [
        f'<DataArray type="Float64" Name="loss" {more} format="appended" offset="{offset}"/>'
        for more, offset in (('NumberOfComponents="3"', 0), ("", len(blobs[0])))
    ]
    about = 'type="PolyData" byte_order="LittleEndian" header_type="UInt64" compressor="vtkZLibDataCompressor"'
    whole = f"<VTKFile {about}><PolyData><Piece><Points>{arrays[0]}</Points><PointData>{arrays[1]}</PointData></Piece></PolyData>"
    return f'{whole}<AppendedData encoding="raw">_'.encode() + b"".join(blobs) + b"</AppendedData></VTKFile>"


def density() -> list[bytes]:
    """A density map."""
    found = density_map(problem())
    return [of_file(lambda path: write_density_map(found, path), ".nc")]


def zipped() -> list[bytes]:
    """The store, packed."""
    return [of_file(lambda path: pack(store(), path), ".zip")]


def spectra() -> list[bytes]:
    """A spectrum, spectra along a path, couplings."""
    found = spectrum(problem(), method="exact")
    coupled = StoredCoupling(None, coupling_matrix(problem()), {"of": "hessian"})
    return [
        of_file(lambda path: write_spectrum(found, path, {"target": "x"}), ".json"),
        of_file(lambda path: write_along(SpectraAlong((0, 2), (0, 2), (found, found), {}), path), ".json"),
        of_file(lambda path: write_coupling(coupled, path), ".json"),
    ]


def problem_files() -> list[bytes]:
    """A person's own file, in two ways of writing it."""
    first = (
        "import torch\nfrom torch import nn\nfrom lossnav.core import Problem\n\n\ndef problem():\n"
        '    model = nn.Linear(2, 3)\n    return Problem(model, torch.ones(6, 2), torch.arange(6) % 3, name="mine")\n'
    )
    second = (
        "import torch\nfrom lossnav.core import Problem\nmodel = torch.nn.Linear(2, 1)\n"
        'problem = Problem(model, torch.ones((6, 2)), torch.zeros((6, 1)), loss="mse", batchnorm="eval")\n'
    )
    return [first.encode(), second.encode()]


def files_of(store: Path) -> dict[str, bytes]:
    """Every file of a store, by name."""
    return {p.relative_to(store).as_posix(): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}
