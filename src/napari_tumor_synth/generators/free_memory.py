"""How much memory is free, also inside a container that may use part of the machine."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from napari_tumor_synth.errors import MemoryLimitError

USABLE = 0.9
"""Share of the free memory that may be planned with."""
_NO_LIMIT = 1 << 60  # cgroup v1 writes a number near 2^63 for "none"


def free_memory(device: torch.device) -> int:
    """Return the bytes that a training or a generator on the device can take.

    What torch keeps for later tensors of this process counts as free.

    Parameters
    ----------
    device : torch.device
        CUDA: of that GPU. MPS: what Metal recommends. Otherwise the machine's own memory, or what
        its control group leaves.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + kept)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return min([int(psutil.virtual_memory().available), *left_by_control_groups()])


def require_memory(name: str, needed: int, device: torch.device) -> None:
    """Make sure that sampling fits in the memory that is free.

    Parameters
    ----------
    name : str
        Of the model.
    needed : int
        Bytes at most.

    Raises
    ------
    MemoryLimitError
        It does not.
    """
    free = free_memory(device)
    if needed > USABLE * free:
        raise MemoryLimitError(
            f"Sampling with {name} takes about {needed / 1e9:.2g} GB of memory, and "
            f"{free / 1e9:.2g} GB are free on the device {device.type}.",
            "Close other programs, or choose a smaller model, a lower precision or another device.",
        )


def left_by_control_groups(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> list[int]:
    """Return the bytes that each control group above this process leaves; none without limits.

    Parameters
    ----------
    root : Path
        Where control groups are mounted, version 1 or 2.
    own : Path
        The file that names those of this process.
    """
    if not own.is_file():  # not Linux
        return []
    return [left for group in _groups(root, own) if (left := _left_by(group)) is not None]


def _groups(root: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of the memory groups and of all groups around them.

    Inside a container its own group is often mounted as the root, whatever its name is outside.
    """
    for line in own.read_text("utf-8").splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            top = root
        elif "memory" in controllers.split(","):
            top = root / "memory"
        else:
            continue
        group = top / name.strip("/")
        while group != top:
            yield group
            group = group.parent
        yield top


def _left_by(group: Path) -> int | None:
    """Return limit less use of a group; files in the page cache that are idle count as free."""
    names = (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    )
    for limit_file, use_file, idle_key in names:
        limit, use = _number(group / limit_file), _number(group / use_file)
        if limit is not None and use is not None and limit < _NO_LIMIT:
            return max(0, limit - max(0, use - _statistic(group / "memory.stat", idle_key)))
    return None


def _number(path: Path) -> int | None:
    try:
        text = path.read_text("utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None  # "max" is no limit


def _statistic(path: Path, key: str) -> int:
    try:
        pairs = [line.split() for line in path.read_text("utf-8").splitlines()]
    except OSError:
        return 0
    return next((int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] == key), 0)
