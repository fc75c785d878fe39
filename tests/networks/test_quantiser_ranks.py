"""Two processes learn the codes that one process learns from both their batches."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

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
        given(half)
        started(half)
    broken = batch(STEPS)[rank : rank + 1]
    if rank == 1:
        broken[0, 0, 0, 0, 0] = torch.nan
    given(broken)
    torch.save([given.state_dict(), started.state_dict()], folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_ranks_agree_with_each_other_and_with_one_process(tmp_path: Path) -> None:
    mp.spawn(learn_half, args=(tmp_path,), nprocs=2)  # type: ignore[no-untyped-call]
    (first, first_started), (second, second_started) = (
        torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)
    )
    alone = quantiser(0.0)
    for step in range(STEPS):
        alone(batch(step))
    for name, expected in alone.state_dict().items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], expected)
    assert all(torch.equal(first_started[name], second_started[name]) for name in first_started)
