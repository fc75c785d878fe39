"""The aims of sampling on a processor, and what is measured: one process a precision.

Full size: a recipe's networks with random weights in a checkpoint, sampled as `generate` does. The
bound is the time that reading all weights once a token takes, at the rate at which this machine
reads memory before or after the runs, whichever is faster.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from shared.measuring import begin, parser, report, summary, timed

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.generators.catalogue import resolve_model
from napari_tumor_synth.generators.families import load_generator

PRECISIONS = {"float32": 4, "bfloat16": 2, "int8": 1}  # bytes a weight
BATCH = 8
READ_BYTES = 600_000_000


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--recipe", default="vqgan-cond")
    options.add_argument("--model", help="Bundled size; default: the first of the catalogue.")
    options.add_argument("--child", help=argparse.SUPPRESS)
    options.add_argument("--precision", default="auto", help=argparse.SUPPRESS)
    arguments = options.parse_args(given)
    if arguments.child:
        _child(arguments)
        return
    # here, because a child measures the memory that sampling takes, which needs no training
    from shared.random_model import write_random_model

    from napari_tumor_synth.training.recipes.files import load_recipe

    machine = begin(arguments)
    result: dict[str, Any] = {"benchmark": "aims", "machine": machine, "recipe": arguments.recipe}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full-size.safetensors"
        recipe = load_recipe(arguments.recipe)
        write_random_model(recipe, path)
        result["full"] = {name: _measured(arguments, path, name) for name in PRECISIONS}
        shape = recipe.transformer
        weights = 12 * shape.layers * shape.width**2
        for name, bytes_each in PRECISIONS.items():
            found = result["full"][name]
            found["bound_s"] = round(
                shape.length * weights * bytes_each / found["read_gb_s"] / 1e9, 2
            )
    try:
        bundled = resolve_model(arguments.model)[0]
    except InputError as error:
        result["bundled_left_out"] = str(error)
    else:
        result["bundled"] = _measured(arguments, bundled, "auto")
        result["process"] = summary([_generate(bundled) for _ in range(arguments.repeats)])
    report(result)


def _measured(arguments: argparse.Namespace, path: Path, precision: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", str(path), "--precision", precision]
    command += ["--repeats", str(arguments.repeats), "--threads", str(arguments.threads)]
    command += ["--small"] if arguments.small else []
    before = _read_rate(small=arguments.small)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    after = _read_rate(small=arguments.small)
    return {**found, "read_gb_s": round(max(before, after), 1)}


def _child(arguments: argparse.Namespace) -> None:
    begin(arguments)
    started = time.perf_counter()
    generator = load_generator(
        Path(arguments.child), torch.device("cpu"), precision=arguments.precision
    )
    loading = time.perf_counter() - started
    class_name = generator.classes[0]
    generator.sample(class_name, [0])
    times = []
    for number in range(arguments.repeats):
        started = time.perf_counter()
        generator.sample(class_name, [number])
        times.append(time.perf_counter() - started)
    peak = _peak()
    eight = timed(partial(generator.sample, class_name, range(BATCH)), 1, warm_up=0)
    tokens = generator.sample(class_name, [1])[0].provenance.tokens
    decode = partial(generator.decode_tokens, torch.tensor(tokens)[None])  # type: ignore[attr-defined]
    report(
        {
            "precision": generator.precision,
            "decoder_precision": generator.decoder_precision,  # type: ignore[attr-defined]
            "loading_s": round(loading, 2),
            "one": summary(times),
            "each_of_eight_s": round(eight["median_s"] / BATCH, 3),
            "decode": timed(decode, arguments.repeats),
            "peak_mb": peak,
        }
    )


def _read_rate(*, small: bool) -> float:
    """Return at which rate all threads together read memory, in GB/s."""
    numbers = torch.zeros((READ_BYTES // 100 if small else READ_BYTES) // 4)
    found = timed(numbers.sum, 3)
    return numbers.numel() * 4 / max(found["least_s"], 1e-4) / 1e9


def _peak() -> float:
    """Return the peak resident memory of this process, 10^6 bytes; of none before it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        from shared.measuring import own_peak

        return own_peak()
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return round(1024 * int(line.split()[1]) / 1e6)


def _generate(model: Path) -> float:
    """Return the seconds from the start of a process to one written ROI."""
    from napari_tumor_synth.generators.checkpoint import read_checkpoint

    class_name = read_checkpoint(model).settings["classes"][0]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "napari_tumor_synth.cli", "generate", "--model"]
        command += [str(model), "--class", class_name, "--out", folder, "--device", "cpu"]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
