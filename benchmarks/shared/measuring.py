"""What all benchmarks share: options, the clock, memory, and what the machine is."""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from napari_tumor_synth import __version__
from napari_tumor_synth.processors import available_cores


def parser(description: str, *, repeats: int = 5) -> argparse.ArgumentParser:
    """Return the options that every benchmark has."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--small", action="store_true", help="Smaller and fewer; a dry run.")
    options.add_argument("--repeats", type=int, default=repeats, help="Measured runs; the median.")
    options.add_argument("--threads", type=int, default=0, help="Default: all available cores.")
    options.add_argument("--note", default="", help="Kept in the result, e.g. 'busy machine'.")
    return options


def begin(arguments: argparse.Namespace) -> dict[str, Any]:
    """Set the threads and return what the machine is, before anything is measured."""
    torch.set_num_threads(arguments.threads or available_cores())
    return {
        "processor": _processor(),
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "system": platform.system(),
        "napari_tumor_synth": __version__,
        "load_before": round(os.getloadavg()[0], 2),
        "small": arguments.small,
        "note": arguments.note,
    }


def timed(function: Callable[[], object], repeats: int, *, warm_up: int = 1) -> dict[str, Any]:
    """Call a function and return the median, least and largest time in seconds."""
    for _ in range(warm_up):
        function()
    return summary([_seconds(function) for _ in range(repeats)])


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    """Describe times of equal runs."""
    return {
        "median_s": round(statistics.median(seconds), 4),
        "least_s": round(min(seconds), 4),
        "most_s": round(max(seconds), 4),
        "runs": len(seconds),
    }


def megabytes(usage: resource.struct_rusage) -> float:
    """Return the peak resident memory in 10^6 bytes (Linux counts KiB, macOS bytes)."""
    return round(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6)


def own_peak() -> float:
    """Return the peak resident memory of this process so far."""
    return megabytes(resource.getrusage(resource.RUSAGE_SELF))


def report(result: dict[str, Any]) -> None:
    """Print the one JSON object of a benchmark."""
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
