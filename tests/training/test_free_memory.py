"""Free memory, also under the limits of a container."""

import psutil
import pytest
import torch

from napari_tumor_synth.generators.free_memory import free_memory, left_by_control_groups

GIB = 1 << 30


def test_a_processor_has_no_more_than_the_machine():
    free = free_memory(torch.device("cpu"))
    assert 0 < free <= psutil.virtual_memory().total


@pytest.fixture
def groups(tmp_path):
    def write(own, files):
        (tmp_path / "own").write_text(own, "utf-8")
        for name, text in files.items():
            path = tmp_path / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return left_by_control_groups(tmp_path / "root", tmp_path / "own")

    return write


def test_version_2_with_a_limit_above_the_own_group(groups):
    left = groups(
        "0::/user/job\n",
        {
            "user/job/memory.max": "max\n",
            "user/job/memory.current": f"{GIB}\n",
            "user/memory.max": f"{8 * GIB}\n",
            "user/memory.current": f"{3 * GIB}\n",
            "user/memory.stat": f"anon {GIB}\ninactive_file {2 * GIB}\n",
        },
    )
    assert left == [7 * GIB]


def test_version_1_beside_other_controllers(groups):
    left = groups(
        "9:name=systemd:/\n4:cpu,memory:/job\n2:cpuset:/other\n",
        {
            "memory/job/memory.limit_in_bytes": f"{4 * GIB}\n",
            "memory/job/memory.usage_in_bytes": f"{5 * GIB}\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/memory.usage_in_bytes": f"{5 * GIB}\n",
        },
    )
    assert left == [0]


def test_inside_a_container_the_own_group_is_mounted_as_the_root(groups):
    left = groups(
        "0::/known/outside/only\n",
        {"memory.max": f"{2 * GIB}\n", "memory.current": f"{GIB}\n"},
    )
    assert left == [GIB]


def test_nothing_is_limited_where_there_are_no_groups(tmp_path):
    assert left_by_control_groups(tmp_path, tmp_path / "absent") == []
    assert left_by_control_groups(tmp_path, tmp_path) == []
