"""Hashes of the code that decides, as registered. Written by `python -m benchmarks.register_claims`."""

from __future__ import annotations

REGISTERED: dict[str, str] = {
    "collapse": "33a61422f77eea16d4b0f03e7677aca6edea3ff25de58d5bf7b16bb31bb7cdd9",
    "memory": "8fcdac4e274e1cb9b03c67745ecc04ba1c3a29ee9defb70bc45991d46a038ace",
    "conjugate": "77fb8952743fd4f694b31532320be4e8725ffd93a2b42bff53e370da69afbd38",
    "valleys": "ebbeb18ff7e69646ff49af1f7cb2d781fe4de04b3b1bd5a150e5dbf1fcf468e5",
    "coupling": "929411692fa4b6ca0f69ea3df81430f45ec39266135c2abf36e21fe326d49b2b",
}
