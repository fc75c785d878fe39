"""Two processes learn the codes that one process learns from both their batches."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from codebook_steps import learnt
from napari_tumor_synth.networks.quantiser import EmaQuantiser

STEPS = 4


def batch(step: int) -> Tensor:
    return torch.randn(2, 4, 4, 4, 4, generator=torch.Generator().manual_seed(step))


def quantiser(revive_below: float) -> EmaQuantiser:
    model = EmaQuantiser(4, 16, levels=2, revive_below=revive_below)
    codes = torch.randn(2, 16, 4, generator=torch.Generator().manual_seed(99))
    model.codebooks.copy_(codes)
    model.cluster_sums.copy_(codes)
    model.cluster_sizes.fill_(1)
    model.initialised.fill_(True)
    return model


def learn_half(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    given, started = quantiser(0.0), EmaQuantiser(4, 16, levels=2, revive_below=0.5)
    for step in range(STEPS):
        half = batch(step)[rank : rank + 1]
        learnt(given, half)
        learnt(started, half)
    broken = batch(STEPS)[rank : rank + 1]
    if rank == 1:
        broken[0, 0, 0, 0, 0] = torch.nan
    learnt(given, broken)
    torch.save([given.state_dict(), started.state_dict()], folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_ranks_agree_with_each_other_and_with_one_process(tmp_path: Path) -> None:
    mp.spawn(learn_half, args=(tmp_path,), nprocs=2)  # type: ignore[no-untyped-call]
    (first, first_started), (second, second_started) = (
        torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)
    )
    alone, started = quantiser(0.0), EmaQuantiser(4, 16, levels=2, revive_below=0.5)
    for step in range(STEPS):
        learnt(alone, batch(step))
        learnt(started, batch(step))
    for ours, theirs, expected in (
        (first, second, alone.state_dict()),
        (first_started, second_started, started.state_dict()),
    ):
        for name, value in expected.items():
            assert torch.equal(ours[name], theirs[name])
            torch.testing.assert_close(ours[name], value, atol=1e-5, rtol=1e-5)
