"""Which device to compute on, proven by a real 3D convolution."""

import gc
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from napari_tumor_synth.errors import (
    DeviceLostError,
    InputError,
    MemoryLimitError,
    is_out_of_memory,
)
from napari_tumor_synth.processors import worker_count

# Large tensors take memory in pages of 2 MB: a decoder would otherwise spend a tenth of its time on
# getting pages of 4 kB. torch looks at this once, before its first tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

_LOST = re.compile(r"CUDA error|CUDA driver|cuDNN error|MPS backend|HIP error")


@dataclass(frozen=True)
class DeviceReport:
    """Outcome of probing one device.

    Attributes
    ----------
    name : str
        Torch's name: ``"cpu"``, ``"cuda:0"``, ``"mps"``.
    description : str
        Name of the hardware.
    works : bool
        Whether a 3D convolution ran on it and agreed with the processor's result.
    reason : str
        Why it does not work, or "".
    free_gigabytes, total_gigabytes : float or None
        Device memory, where the device tells.
    """

    name: str
    description: str
    works: bool
    reason: str = ""
    free_gigabytes: float | None = None
    total_gigabytes: float | None = None


def device_names() -> list[str]:
    """Return the names of the devices torch sees, the fastest kind first."""
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return [*names, "cpu"]


def probe(name: str) -> DeviceReport:
    """Run one small 3D convolution on the device and compare it with the processor's."""
    generator = torch.Generator().manual_seed(0)
    volume = torch.randn(1, 2, 8, 8, 8, generator=generator)
    weight = torch.randn(3, 2, 3, 3, 3, generator=generator)
    expected = nn.functional.conv3d(volume, weight, padding=1)
    try:
        device = torch.device(name)
        result = nn.functional.conv3d(volume.to(device), weight.to(device), padding=1).cpu()
        works = bool(torch.allclose(result, expected, atol=1e-2, rtol=1e-2))
        reason = "" if works else "its 3D convolution differs from the processor's"
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        return DeviceReport(name, name, works=False, reason=str(error).splitlines()[0])
    free, total = _memory_of(device)
    return DeviceReport(name, _description(device), works, reason, free, total)


def choose_device(name: str = "auto") -> torch.device:
    """Return a device that works.

    Parameters
    ----------
    name : str
        ``"auto"`` takes the first that passes `probe`; otherwise torch's name of one.

    Raises
    ------
    InputError
        The named device does not exist or fails the probe.
    """
    if name == "auto":
        return torch.device(next((n for n in device_names() if probe(n).works), "cpu"))
    normal = "cuda:0" if name == "cuda" else name
    if normal not in device_names():
        raise InputError(
            f"There is no device {name!r} here.",
            f"Choose one of: auto, {', '.join(device_names())}.",
        )
    report = probe(normal)
    if not report.works:
        raise InputError(
            f"The device {name!r} cannot compute 3D convolutions ({report.reason}).",
            "Use --device cpu.",
        )
    return torch.device(normal)


def use_all_cores(*, reserve: int = 0) -> None:
    """Let torch use the cores of this process, except `reserve` of them."""
    torch.set_num_threads(worker_count(reserve=reserve))


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one core, where matrices are too small for several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in true float32, where cuDNN would round convolutions to 10 bits (TF32)."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@contextmanager
def memory_errors_explained(remedy: str) -> Iterator[None]:
    """Turn "out of memory" of any device into a sentence, and give the memory back.

    Raises
    ------
    MemoryLimitError
        In place of `torch.OutOfMemoryError`, `MemoryError` and the processor allocator's error.
    DeviceLostError
        In place of the accelerator's other errors, after which nothing on it can be used.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise _out_of_memory(remedy) from error
        text = str(error)
        if isinstance(error, torch.AcceleratorError) or _LOST.search(text):
            raise DeviceLostError(
                f"The device stopped answering ({text.splitlines()[0]}).",
                "Start the program again, or choose the device cpu.",
            ) from error
        raise


def _out_of_memory(remedy: str) -> MemoryLimitError:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return MemoryLimitError("The device ran out of memory.", remedy)


def _memory_of(device: torch.device) -> tuple[float | None, float | None]:
    if device.type != "cuda":
        return None, None
    free, total = torch.cuda.mem_get_info(device)
    return free / 1e9, total / 1e9


def _description(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    if device.type == "mps":
        return "Apple GPU"
    return f"processor, {torch.get_num_threads()} threads"
