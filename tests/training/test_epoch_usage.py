"""Usage and perplexity are those of all ROIs of an epoch, not of a batch."""

import torch
from lightning_fabric import Fabric

from tiny_stages import autoencoder


def test_an_epoch_counts_every_code_of_all_its_steps(tmp_path, monkeypatch):
    stage = autoencoder(tmp_path, Fabric(accelerator="cpu", devices=1), micro_batch=3)
    quantiser = stage.bare.vqgan.quantiser
    forward, seen = type(quantiser).forward, []

    def spy(self, latent):
        result = forward(self, latent)
        seen.append(result.codes)
        return result

    monkeypatch.setattr(type(quantiser), "forward", spy)
    figures = [stage.step(index).figures for index in range(4)]  # 8 ROIs in fours: two epochs
    with_usage = ["usage 1" in each for each in figures]
    assert with_usage == [False, True, False, True]
    for epoch, codes in enumerate((seen[:4], seen[4:])):  # two parts a step
        for level in (0, 1):
            counts = torch.bincount(torch.cat(codes)[:, level].flatten(), minlength=16).double()
            found = figures[2 * epoch + 1]
            assert found[f"usage {level + 1}"] == float((counts > 0).double().mean())
            shares = counts / counts.sum()
            perplexity = torch.special.entr(shares).sum().exp()
            torch.testing.assert_close(found[f"perplexity {level + 1}"], float(perplexity))
