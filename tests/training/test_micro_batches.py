"""Parts of a batch, and several processes, learn what one process learns from the whole."""

import copy
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from lightning_fabric import Fabric

from napari_tumor_synth.errors import TrainingError
from napari_tumor_synth.training.micro_batches import own_share, parts_of
from tiny_stages import autoencoder, transformer


def learnt(make, folder: Path, fabric: Fabric, micro_batch: int | None = None):
    """Return the gradients of a step that starts codes, learns them and the critic; and the codes.

    After more steps, optimisers have made large differences of the smallest ones.
    """
    torch.set_num_threads(1)
    stage = make(folder, fabric, micro_batch)
    assert not stage.step(0).skipped
    networks = [stage.bare, *([stage.critic.network] if hasattr(stage, "critic") else [])]
    found = {
        f"{number} {name}": parameter.grad
        for number, network in enumerate(networks)
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }
    found |= {name: value.float() for name, value in stage.bare.named_buffers()}
    return copy.deepcopy(found)


def assert_same(ours, theirs) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(
            ours[name], value, atol=1e-5, rtol=1e-5, msg=partial("{}: {}".format, name)
        )


@pytest.mark.parametrize("make", [autoencoder, transformer])
@pytest.mark.parametrize("size", [1, 3])
def test_micro_batches_learn_what_the_whole_batch_does(make, size, tmp_path):
    fabric = Fabric(accelerator="cpu", devices=1)
    whole = learnt(make, tmp_path, fabric)
    assert len(whole) > 30
    assert_same(learnt(make, tmp_path, fabric, size), whole)


def in_a_process(rank: int, folder: Path) -> None:
    """Learn as one of two processes; the first writes what came of it."""
    import os

    os.environ |= {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": (folder / "port").read_text(),
        "WORLD_SIZE": "2",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": "2",
        "GROUP_RANK": "0",
        "TORCHELASTIC_RUN_ID": "test",
    }
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    fabric.launch()
    assert fabric.world_size == 2
    for make in (autoencoder, transformer):
        torch.save(learnt(make, folder, fabric, 1), folder / f"{make.__name__}-{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path, unused_port):
    (tmp_path / "port").write_text(str(unused_port))
    mp.spawn(in_a_process, args=(tmp_path,), nprocs=2)
    fabric = Fabric(accelerator="cpu", devices=1)
    for make in (autoencoder, transformer):
        alone = learnt(make, tmp_path, fabric)
        for rank in (0, 1):
            together = torch.load(tmp_path / f"{make.__name__}-{rank}.pt", weights_only=True)
            assert_same(together, alone)


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_parts_hold_everything_once_and_are_nearly_equal():
    for count in range(1, 12):
        for largest in (None, *range(1, 13)):
            parts = parts_of(count, largest)
            assert [i for part in parts for i in range(count)[part]] == list(range(count))
            sizes = {part.stop - part.start for part in parts}
            assert max(sizes) <= (largest or count)
            assert max(sizes) - min(sizes) <= 1


def test_a_batch_that_cannot_be_shared_is_refused():
    assert own_share(6, 2, 1) == slice(3, 6)
    with pytest.raises(TrainingError, match="A batch of 3 ROIs cannot be shared evenly among 2"):
        own_share(3, 2, 0)
