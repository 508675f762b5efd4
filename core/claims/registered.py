"""Hashes of the code that decides, as registered. Written by `python -m benchmarks.register_claims`."""

from __future__ import annotations

REGISTERED: dict[str, str] = {
    "collapse": "006a066af269c23aa5bc3723ed70202095ce2ab7fc4633c70702a25ab0f0fb57",
    "memory": "5b0a4d6eb726c4cbcbe4f8bf7c7d83bf4d5e5a69aa1530cfddb1784e413a8e10",
    "conjugate": "fe84ccdb1cbe181962c91314bc64ddbad21103fac69b88b0fec8456167676926",
    "valleys": "1a19a7c62c40309d78c22bf2a5ea02b42d4c996fc73235c8e9e680d1260ddc15",
    "coupling": "ed23317656cea4df97d98718fcdc04f9e9164f302c19faa4264e7c3c10c5680b",
}
