"""Which process of a distributed training keeps the run's folder."""

import os

from napari_tumor_synth.training.machine import MachineSettings

_RANKS = ("RANK", "SLURM_PROCID", "NODE_RANK", "GROUP_RANK", "LOCAL_RANK")


def is_leader(machine: MachineSettings) -> bool:
    """Tell whether this is the process that writes: the only one, or the first of several.

    torchrun, SLURM and lightning-fabric say by environment variables which process is which.
    """
    if machine.devices * machine.nodes <= 1:
        return True
    return all(os.environ.get(name, "0") in ("", "0") for name in _RANKS)
