"""On what a training runs; unlike a recipe it may change when a run is resumed."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MachineSettings:
    """Devices of a training, and how to fit into their memory.

    Attributes
    ----------
    device : str
        ``"auto"`` or torch's name of the (first) device.
    devices, nodes : int
        Devices of each node, and nodes. A recipe's batch is shared among all of them.
    strategy : str
        Lightning Fabric's name of how they work together: ``"auto"`` or a kind of ``"ddp"``.
    micro_batch : int, optional
        ROIs that go through the networks at a time on each device; gradients add up to those of the
        whole batch. None takes as many as fit into memory.
    checkpoint_activations : {"auto", "on", "off"}
        Compute activations again in the backward pass instead of keeping them: less memory, more
        time. "auto" does so where a single ROI would not fit otherwise.
    """

    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"
    micro_batch: int | None = None
    checkpoint_activations: Literal["auto", "on", "off"] = "auto"
