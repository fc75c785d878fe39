"""Train in child processes that are killed again and again, without loading torch each time.

A script, so that it may fork: ``python kill_loop.py RECIPE CACHE OUT`` loads torch once, computes
nothing, and forks one child after the other. ``OUT/whole`` is a run that nobody disturbs,
``OUT/killed`` the one that is killed. It prints how often that was, and where, as JSON.
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

WANTED = {"autoencoder": 14, "encoding": 3, "transformer": 14, "ending": 2}
AIMS = ("saving", "after a state", "any time")
POLL_S = 0.001


def main(recipe: str, cache: str, out: Path) -> None:
    from napari_tumor_synth.training.runs.environment import environment

    environment()  # asks git, once for all children
    begun = time.monotonic()
    whole = train_in_child(recipe, cache, out / "whole")
    code = os.waitstatus_to_exitcode(os.waitpid(whole, 0)[1])
    step_s = (time.monotonic() - begun) / 55
    chance, killed = random.Random(0), Counter()
    while code == 0:
        child = train_in_child(recipe, cache, out / "killed")
        aim, delay_s = chance.choice(AIMS), 1.2 * step_s * chance.random()
        where = kill_when(child, out / "killed", aim, delay_s, killed)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if where is None else 0
        if where is None:
            break
        killed[where] += 1
        killed[f"{where}, saving"] += is_saving(out / "killed")
    print(json.dumps({"code": code, "killed": killed, "step_s": step_s}))


def train_in_child(recipe: str, cache: str, run: Path) -> int:
    from napari_tumor_synth.training.machine import MachineSettings
    from napari_tumor_synth.training.train import train_generator

    if child := os.fork():
        return child
    try:
        train_generator(
            recipe,
            Path(cache),
            run,
            resume=(run / "place.json").is_file(),
            machine=MachineSettings(device="cpu"),
            save_minutes=0,
            review_steps=10,
        )
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def kill_when(child: int, run: Path, aim: str, delay_s: float, killed: Counter) -> str | None:
    """Kill the child where it aims at, and return where that was; None when it ends before."""
    before = states(run)
    start = time.monotonic() if aim == "any time" else None
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(POLL_S)
        if start is None and aim == "after a state" and states(run) != before:
            start = time.monotonic()
        is_due = is_saving(run) if aim == "saving" else start and time.monotonic() - start > delay_s
        where = place_of(run)
        hurry = where in ("encoding", "ending")  # over in a moment
        if (is_due or hurry) and killed[where] < WANTED[where]:
            time.sleep(delay_s if hurry else 0)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return place_of(run)
    return None


def place_of(run: Path) -> str:
    if not (run / "autoencoder.done.json").is_file():
        return "autoencoder"
    if (run / "transformer.done.json").is_file():
        return "ending"
    return "transformer" if (run / "tokens-validation.safetensors").is_file() else "encoding"


def states(run: Path) -> set[str]:
    return {path.name for path in (run / "state").glob("*.safetensors")}


def is_saving(run: Path) -> bool:
    return any((run / "state").glob(".writing-*"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
