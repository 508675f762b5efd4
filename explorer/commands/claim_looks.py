"""`lossnav claims look` and `lossnav claims twins`: claim memory, small enough to be watched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from lossnav.core.sealed import write_json
from rich.console import Console

from .claim_options import JsonOut, check_json, networks_bar


def look_command(
    contrast: Annotated[str, typer.Argument(help="A pair of histories: adam, lr, batch, pretask …")] = "adam",
    out: JsonOut = None,
) -> None:
    """Put one pair of histories through claim memory's rule: 60 networks, in less than a minute; never a verdict."""
    from lossnav.core.claims import LOOK_SAID, look

    from ..request.claim import LookRequest, populations_folder

    path = LookRequest(contrast).path
    check_json(out, path)
    with networks_bar("Training") as tell:
        seen = look(
            contrast,
            populations_folder(),
            tell,
        )
    _write({path, out}, seen.as_json())
    steps = [
        f"  {'holds' if holds else 'does not hold'}  {kind}: {asked}: {number}"
        for kind, each in seen.steps.items()
        for asked, number, holds in each
    ]
    _say([seen.sentence, "Beside viscosity, where all three hold for W or for F:", *steps, LOOK_SAID])


def twins_command(
    seed: Annotated[int, typer.Option(help="Seed of initial weights and order of examples.")] = 1_000_000,
    out: JsonOut = None,
) -> None:
    """Train two networks of exactly equal spectrum and different history, and measure both terrains."""
    from lossnav.core.claims import TWIN_HISTORIES, twin_pair

    from ..request.claim import TwinsRequest

    path = TwinsRequest(seed).path
    check_json(out, path)
    pair = twin_pair(seed)
    _write({path, out}, pair.as_json())
    losses = [
        f"  {each}: loss on task A {a:.4f}, on task B {b:.4f}"
        for each, a, b in zip(TWIN_HISTORIES, *_tasks(pair), strict=True)
    ]
    _say(
        [
            f"Eigenvalues differ by {pair.difference:.1g} of λ_max at most, over all {len(pair.spectra[0])}; the weights are {pair.distance:.1f} apart, "
            f"log-probabilities on held-out inputs {pair.function:.2f} nats.",
            *losses,
        ]
    )


def _tasks(pair: Any) -> tuple[list[float], list[float]]:
    return pair.losses["task A"], pair.losses["task B"]


def _write(places: set[Path | None], content: dict[str, Any]) -> None:
    for place in places - {None}:
        assert place is not None
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, content, allow_nan=False)


def _say(lines: list[str]) -> None:
    screen = Console(soft_wrap=True, highlight=False)
    for line in lines:
        screen.print(line, markup=False)


def recheck_command(
    quick: Annotated[bool, typer.Option("--quick", help="The networks of the smaller run.")] = False,
    draws: Annotated[int | None, typer.Option(help="Draws; without it, the run's.")] = None,
    out: JsonOut = None,
) -> None:
    """Read claim memory again with p-values that are exact, by pairs: which words of its map and which controls rest on it."""
    from lossnav.core.claims import claim_of, controls_by_pairs, read_result, recheck, word_by_pairs

    from ..request.claim import ClaimRequest, populations_folder
    from ..summaries.claim_results import best_result

    request = ClaimRequest("memory", quick)
    check_json(out, request.path)
    plan = claim_of("memory").quick if quick else claim_of("memory").full
    with networks_bar("Training") as tell:
        tests = recheck(
            replace(plan, draws=draws or plan.draws),
            populations_folder(),
            tell,
        )
    registered = read_result(request.path) if request.path.exists() else best_result("memory")
    words = {} if registered is None else {_key(t): t["outcome"] for t in registered.findings.get("tests", [])}
    for test in tests:
        test["registered"] = words.get(_key(test))
        test["by_pairs"] = None if test["registered"] is None else word_by_pairs(test, test["registered"])
    _write({out}, {"tests": tests, "controls": controls_by_pairs(tests)})
    lines = [
        f"  {test['data']}, {test['arm']}, {test['contrast']}: {test['registered']} as registered, {test['by_pairs']} by exact p"
        for test in tests
        if test["registered"] != test["by_pairs"]
    ]
    said = [
        f"  {name}: least corrected p {p:.2g}, {'passes' if fine else 'fails'}"
        for name, (p, fine) in controls_by_pairs(tests).items()
    ]
    _say(
        [
            "Controls by exact p:",
            *said,
            "Words that change:",
            *(lines or ["  none"]),
            "The verdict is as registered: nothing of this is in it.",
        ]
    )


def _key(test: Any) -> tuple[str, str, str]:
    return test["data"], test["arm"], test["contrast"]
