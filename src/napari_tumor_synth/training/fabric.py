"""The devices of a training, working together."""

import logging
import warnings
from collections.abc import Callable
from typing import Literal

import torch
from lightning_fabric import Fabric

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.generators.devices import choose_device
from napari_tumor_synth.processors import worker_count
from napari_tumor_synth.training.machine import MachineSettings
from napari_tumor_synth.training.micro_batches import any_process
from napari_tumor_synth.training.runs.stopping import StopAsked

STRATEGIES = ("auto", "ddp")

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


def make_fabric(precision: Precision, machine: MachineSettings) -> Fabric:
    """Set up devices and precision, and start the other processes if there are to be any.

    Raises
    ------
    TrainingError
        There are not so many devices, or they cannot work together in the way asked for.
    """
    require_devices(machine)
    device = choose_device(machine.device)
    together = machine.devices * machine.nodes
    one = [device.index or 0] if device.type == "cuda" else 1
    fabric = Fabric(
        accelerator=device.type,
        devices=one if machine.devices == 1 else machine.devices,
        num_nodes=machine.nodes,
        strategy="ddp" if together > 1 else "auto",
        precision=precision,
    )
    if together > 1:
        _be_quiet()
        fabric.launch()
    torch.set_num_threads(max(1, worker_count() // machine.devices))
    return fabric


def led(fabric: Fabric, work: Callable[[], object]) -> None:
    """Let the first process do something while the others wait.

    Raises
    ------
    StopAsked
        In the others, whenever the work ended in an exception.
    """
    problem: BaseException | None = None
    if fabric.is_global_zero:
        try:
            work()
        except BaseException as error:  # raised again below, when the others know
            problem = error
    failed = any_process(problem is not None, fabric.device)
    if problem is not None:
        raise problem
    if failed:
        raise StopAsked


def end_others(fabric: Fabric) -> None:
    """End the processes that this one started, which would wait for it in vain."""
    launcher = getattr(fabric.strategy, "launcher", None)
    processes = getattr(launcher, "procs", [])
    others = list(processes)
    processes.clear()  # or lightning's watch over them would end this process, too
    for process in others:
        process.kill()


def require_devices(machine: MachineSettings) -> None:
    """Make sure that the devices exist and that their way of working together is known.

    Raises
    ------
    TrainingError
        As its sentence says.
    """
    if machine.strategy not in STRATEGIES:
        raise TrainingError(
            f"The strategy {machine.strategy!r} is not supported.",
            f"Choose one of: {', '.join(STRATEGIES)}. Each device holds a whole model.",
        )
    device = choose_device(machine.device)
    if device.type == "cuda" and machine.devices > torch.cuda.device_count():
        raise TrainingError(
            f"There are {torch.cuda.device_count()} GPUs here, not {machine.devices}.",
            "Ask for as many devices as each node has.",
        )
    if machine.devices > 1 and device.index:
        raise TrainingError(
            f"Several devices begin with the first one, not with {machine.device}.",
            "Name the device cuda, and choose GPUs by the variable CUDA_VISIBLE_DEVICES.",
        )
    if device.type == "mps" and machine.devices > 1:
        raise TrainingError("There is one Apple GPU.", "Leave out --devices.")


def _be_quiet() -> None:
    """Leave out what the libraries tell of how the processes meet."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    # 1x1x1 convolutions have two memory layouts that are the same
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
