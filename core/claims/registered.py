"""Hashes of the code that decides, as registered. Written by `python -m benchmarks.register_claims`."""

from __future__ import annotations

REGISTERED: dict[str, str] = {
    "collapse": "a72e58f24fb26291a07847e82ef84c2c34aa6aed7b315a23e2112d74a3b50bc5",
    "memory": "de862c40c23005679972e22c828cf05153a157364842d79ae73354d7527286ad",
    "conjugate": "74108da6d5f18ff976dd63014582672c9addbe25b453557210f186c2c6f4a36d",
    "valleys": "448438163b0977c92986c0ccbfcbd5001f34ad28068f0a01c987bb578b9cb672",
    "coupling": "8b2502afce17e054b51ac3a76b5ee13b3d2de590cbfed54889c03a075b9118bb",
}
