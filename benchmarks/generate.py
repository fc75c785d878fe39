"""Time and peak memory of `tumor-synth generate` as a whole process, start-up included."""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from shared.measuring import begin, megabytes, parser, report, summary

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.generators.catalogue import resolve_model
from napari_tumor_synth.generators.checkpoint import read_checkpoint


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=3)
    options.add_argument("--model", help="Name, checkpoint or run folder; default: the first.")
    options.add_argument("--count", type=int, default=8, help="ROIs in all, of all classes.")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    result = {"benchmark": "generate", "machine": machine}
    try:
        path, _ = resolve_model(arguments.model)
    except InputError as error:
        report({**result, "left_out": str(error)})
        return
    checkpoint = read_checkpoint(path)
    classes = checkpoint.settings["classes"]
    wanted = len(classes) if arguments.small else arguments.count
    each = math.ceil(wanted / len(classes))
    command = [sys.executable, "-m", "napari_tumor_synth.cli", "generate", "--model", str(path)]
    command += [part for name in classes for part in ("--class", name)]
    command += ["--count", str(each), "--device", "cpu", "--json"]
    runs = [_run(command) for _ in range(arguments.repeats)]
    report(
        {
            **result,
            "model": checkpoint.settings["name"],
            "grid": checkpoint.settings["size"],
            "rois": each * len(classes),
            "process": summary([seconds for seconds, _ in runs]),
            "peak_mb": max(peak for _, peak in runs),
        }
    )


def _run(command: list[str]) -> tuple[float, float]:
    """Return seconds and peak megabytes of one process."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with subprocess.Popen(
            [*command, "--out", folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            messages = process.stderr.read() if process.stderr else b""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(messages.decode())
        if not (Path(folder) / "contact_sheet.png").is_file():
            raise SystemExit("The command wrote no contact sheet.")
    return seconds, megabytes(usage)


if __name__ == "__main__":
    main()
