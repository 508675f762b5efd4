"""Register the claims: docs/claims/NAME.md and the hashes in core/claims/registered.py, before a confirmatory run and not after."""

from __future__ import annotations

from pathlib import Path

from lossnav.core.claims import CLAIMS, code_hash, registration

ROOT = Path(__file__).parent.parent
HASHES = ROOT / "core" / "claims" / "registered.py"
DOCS = ROOT / "docs" / "claims"


def main() -> None:
    """Write both."""
    hashes = "".join(f'    "{claim.name}": "{code_hash(claim)}",\n' for claim in CLAIMS)
    text = HASHES.read_text(encoding="utf-8")
    head = text[: text.index("REGISTERED:")]
    HASHES.write_text(f"{head}REGISTERED: dict[str, str] = {{\n{hashes}}}\n", encoding="utf-8")
    DOCS.mkdir(parents=True, exist_ok=True)
    for claim in CLAIMS:
        (DOCS / f"{claim.name}.md").write_text(registration(claim), encoding="utf-8")


if __name__ == "__main__":
    main()
