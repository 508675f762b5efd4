"""Hashes of the code that decides, as registered. Written by `python -m benchmarks.register_claims`."""

from __future__ import annotations

REGISTERED: dict[str, str] = {
    "collapse": "9cd2aa61d01255bef00cdb8a24d0ed8873bcefca4af04f6a1aba38f5e08f1e75",
    "memory": "37e029261c8e148b6f49377330e1365b62611df8047e131977cdb666071e7b9c",
    "conjugate": "0a6f2f48eda853f9ca8e9f639ca7ebbec827cc695ab05f0c36d4c300a75b7259",
    "valleys": "be9e83566401a7cf76b2da1c60b0c3f96b9a22f7b72592f1663c032cf8007c3c",
    "coupling": "f6612c3041ed2165ebb670518a475f2a3b2bcde6e52ae4b599c03fa9e19d4a01",
}
