"""What importance scores must mean: they come from the weights, and point at what matters."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from napari_tumor_synth.networks.importance import ImportanceNetwork, ImportanceSettings

GRID, WIDTH, INFORMATIVE = (4, 4, 4), 8, 8


def _latents(count, generator):
    """Noise everywhere; in a few random regions two channels tell the class apart."""
    latent = torch.randn(count, WIDTH, 64, generator=generator)
    latent[:, 1] *= 3  # what tells the classes apart drowns unless the other regions are muted
    classes = torch.randint(2, (count,), generator=generator)
    places = torch.rand(count, 64, generator=generator).argsort(1)[:, :INFORMATIVE]
    informative = torch.zeros(count, 64, dtype=torch.bool).scatter(1, places, True)
    signal = torch.where(classes[:, None] == 1, 2.0, -2.0) * informative
    latent[:, 0] = torch.where(informative, 4.0, latent[:, 0])
    latent[:, 1] += signal
    return latent.view(count, WIDTH, *GRID), classes, informative


@pytest.fixture(scope="module", params=[True, False], ids=["pooled", "flattened"])
def learned(request):
    torch.manual_seed(0)
    settings = ImportanceSettings(pooled=request.param, classifier_hidden=32, dropout=0.0)
    network = ImportanceNetwork(settings, WIDTH, 2, GRID)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(400):
        latent, classes, _ = _latents(64, generator)
        optimiser.zero_grad()
        cross_entropy(network(latent).logits, classes).backward()
        optimiser.step()
    return network.eval()


def _true_logit(network, latent, classes):
    with torch.no_grad():
        logits = network(latent).logits
    return logits.gather(1, classes[:, None])[:, 0] - logits.gather(1, 1 - classes[:, None])[:, 0]


def _occluded(latent, regions, filling):
    return torch.where(regions.view(-1, 1, *GRID), filling, latent)


def test_occluding_high_scores_moves_the_classifier_more_than_random_regions(learned):
    generator = torch.Generator().manual_seed(2)
    latent, classes, _ = _latents(200, generator)
    with torch.no_grad():
        scores = learned(latent).scores.flatten(1)
    top = torch.zeros_like(scores, dtype=torch.bool).scatter(1, scores.topk(8).indices, True)
    other = torch.rand(scores.shape, generator=generator).argsort(1)[:, :8]
    random = torch.zeros_like(top).scatter(1, other, True)
    filling = torch.randn(latent.shape, generator=generator)
    whole = _true_logit(learned, latent, classes)
    drop = {
        name: (whole - _true_logit(learned, _occluded(latent, regions, filling), classes)).mean()
        for name, regions in (("top", top), ("random", random))
    }
    assert drop["top"] > 3 * abs(drop["random"])


def test_scores_point_at_the_regions_that_tell_the_classes_apart(learned):
    latent, _, informative = _latents(50, torch.Generator().manual_seed(3))
    with torch.no_grad():
        scores = learned(latent).scores.flatten(1)
    assert scores[informative].mean() > scores[~informative].mean() + 0.2


def test_other_weights_give_another_map(learned):
    latent, _, _ = _latents(20, torch.Generator().manual_seed(4))
    torch.manual_seed(5)
    fresh = ImportanceNetwork(learned.settings, WIDTH, 2, GRID).eval()
    with torch.no_grad():
        maps = torch.stack([learned(latent).scores.flatten(), fresh(latent).scores.flatten()])
    assert torch.corrcoef(maps)[0, 1].abs() < 0.5
