"""Hashes of the code that decides, as registered. Written by `python -m benchmarks.register_claims`."""

from __future__ import annotations

REGISTERED: dict[str, str] = {
    "collapse": "33a61422f77eea16d4b0f03e7677aca6edea3ff25de58d5bf7b16bb31bb7cdd9",
    "memory": "b05d12eb0e0122d6b710f2bcf112ab6d82b33a69e95770c01e3d621aba25f5fb",
    "conjugate": "012a4e69567710c4bcefac057bf91b200c7aaf620e80575a50e58c109bcf81c9",
    "valleys": "ebbeb18ff7e69646ff49af1f7cb2d781fe4de04b3b1bd5a150e5dbf1fcf468e5",
    "coupling": "929411692fa4b6ca0f69ea3df81430f45ec39266135c2abf36e21fe326d49b2b",
}
