"""Build a gallery in child processes that are killed again and again.

A script, so that it may fork: ``python gallery_kill_loop.py COHORT OUT`` loads the command once,
computes nothing, and forks one child after the other. ``OUT/whole`` is a gallery that nobody
disturbs, ``OUT/killed`` the one whose builds are killed. It prints how often that was, and where,
as JSON.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

WANTED = {"indexing": 10, "comparing": 8, "transforms": 8, "again": 2}
AIMS = ("writing", "any time", "any time")
POLL_S = 0.0005


def main(cohort: str, out: Path) -> None:
    begun = time.monotonic()
    whole = build_in_child(cohort, out / "whole")
    code = os.waitstatus_to_exitcode(os.waitpid(whole, 0)[1])
    longest_s = (time.monotonic() - begun) / 20
    chance, killed = random.Random(0), Counter()
    while code == 0 and killed["again"] < WANTED["again"]:
        child = build_in_child(cohort, out / "killed")
        where = kill_when(child, out / "killed", chance, longest_s, killed)
        if where is None:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        else:
            killed[where] += 1
            killed["writing"] += bool(half_written(out / "killed"))
    if code == 0:
        last = build_in_child(cohort, out / "killed")
        code = os.waitstatus_to_exitcode(os.waitpid(last, 0)[1])
    print(json.dumps({"code": code, "killed": killed}))


def build_in_child(cohort: str, folder: Path) -> int:
    from napari_tumor_synth.cli.main import app
    from napari_tumor_synth.evaluation import gallery_scores, gallery_transformed

    if child := os.fork():
        return child
    try:
        gallery_scores.SECONDS_BETWEEN_SAVES = gallery_transformed.SECONDS_BETWEEN_SAVES = 0.0
        app(
            ["gallery", "build", cohort, "--out", str(folder), "--transforms", "--json"],
            standalone_mode=False,
        )
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def kill_when(
    child: int, folder: Path, chance: random.Random, longest_s: float, killed: Counter
) -> str | None:
    """Kill the child at a random moment, and return what it was at; None when it ends before."""
    aim, delay_s = chance.choice(AIMS), longest_s * chance.random() ** 2
    start, place = time.monotonic(), place_of(folder)
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(POLL_S)
        if place_of(folder) != place:
            start, place = time.monotonic(), place_of(folder)
        hurry = place == "comparing"  # over in a moment
        is_late = time.monotonic() - start > (delay_s / 20 if hurry else delay_s)
        is_due = is_late and (hurry or aim == "any time" or half_written(folder))
        if is_due and killed[place] < WANTED[place]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return place_of(folder)
    return None


def place_of(folder: Path) -> str:
    if (folder / "gallery.json").is_file():
        return "again"
    if (folder / "real_to_real_transformed.npz").is_file():
        return "transforms"
    return "comparing" if any(folder.glob("outlines-*")) else "indexing"


def half_written(folder: Path) -> list[Path]:
    return [*folder.glob(".writing-*"), *(folder / "volumes").glob(".writing-*")]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
