import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_tumor_synth.errors import MemoryLimitError
from napari_tumor_synth.imaging.spawn import map_in_processes
from spawned import describe_worker, end_at_two, fail_at_two


def test_each_worker_uses_one_thread_in_its_own_process():
    found = list(map_in_processes(describe_worker, [1, 2, 3], workers=2))
    assert sorted(number for number, _, _ in found) == [1, 2, 3]
    assert os.getpid() not in {process for _, process, _ in found}
    assert all(threads == {1} for _, _, threads in found)


def test_so_do_workers_of_a_script_that_has_loaded_numpy(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "import numpy\n"
        "from napari_tumor_synth.imaging.spawn import map_in_processes\n"
        "from spawned import describe_worker\n"
        "if __name__ == '__main__':\n"
        "    for _, _, threads in map_in_processes(describe_worker, [1, 2], workers=2):\n"
        "        print(sorted(threads))\n",
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=True,
        env=many_threads(),
    )
    assert done.stdout.split("\n") == ["[1]", "[1]", ""]


def many_threads():
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, "2")}


@pytest.mark.parametrize(("things", "workers"), [([1, 3], 1), ([1], 4), ([], 4)])
def test_one_worker_or_thing_needs_no_process(things, workers):
    found = list(map_in_processes(os.getpgid, [0 for _ in things], workers))
    assert found == [os.getpgid(0)] * len(things)


def test_an_error_reaches_the_caller():
    with pytest.raises(FileNotFoundError, match="two"):
        list(map_in_processes(fail_at_two, [1, 2, 3], workers=2))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_worker_that_the_system_ends_is_reported():
    with pytest.raises(MemoryLimitError, match="fewer workers"):
        list(map_in_processes(end_at_two, [2, 2, 2], workers=2))
    results = map_in_processes(end_at_two, [1, 3], workers=2)  # the functions do arrive
    assert sorted(results) == [1, 3]
