import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from napari_tumor_synth.errors import InputError
from napari_tumor_synth.networks.importance import ImportanceNetwork, ImportanceSettings

GRID = (4, 3, 2)


def network(width: int = 8, classes: int = 3, **settings: object) -> ImportanceNetwork:
    torch.manual_seed(0)
    values = {"classifier_hidden": 32} | settings
    chosen = ImportanceSettings.model_validate(values)
    return ImportanceNetwork(chosen, width, classes, GRID).eval()


def latent(*grid: int) -> Tensor:
    return torch.randn(2, 8, *grid, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("settings", [{}, {"scoring": "released"}, {"pooled": True}])
def test_shapes_range_and_gradients(settings: dict[str, object]) -> None:
    model = network(**settings)
    result = model(latent(*GRID))
    assert result.scores.shape == (2, *GRID)
    assert result.logits.shape == (2, 3)
    assert 0 < result.scores.min() <= result.scores.max() < 1
    torch.testing.assert_close(model.scores(latent(*GRID)), result.scores)
    result.logits.square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert all(p.grad is not None and p.grad.any() for p in model.scoring[0].parameters())


def test_a_score_depends_on_its_own_region_only() -> None:
    model = network()
    z = latent(*GRID)
    changed = z.clone()
    changed[:, :, 1, 2, 0] = 5 * torch.arange(8.0)
    differs = (model.scores(z) != model.scores(changed)).any(0)
    assert differs.nonzero().tolist() == [[1, 2, 0]]


def test_in_the_released_code_every_score_depends_on_every_region() -> None:
    model = network(scoring="released")
    z = latent(*GRID)
    changed = z.clone()
    changed[:, :, 0, 0, 0] = 5 * torch.arange(8.0)
    assert (model.scores(z) != model.scores(changed)).all()


def test_classifier_sees_the_normalised_map_times_the_scores() -> None:
    model = network(pooled=True)
    z = latent(*GRID)
    result = model(z)
    normalised = torch.nn.functional.layer_norm(z.movedim(1, -1), (8,)).movedim(-1, 1)
    seen = (normalised * result.scores[:, None]).mean((2, 3, 4))
    torch.testing.assert_close(model.classifier(seen), result.logits)


def test_other_weights_give_another_map() -> None:
    model = network()
    before = model.scores(latent(*GRID))
    for layer in model.scoring:
        if isinstance(layer, torch.nn.Conv3d):
            layer.reset_parameters()
    after = model.scores(latent(*GRID))
    correlation = torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1]
    assert abs(float(correlation.detach())) < 0.8


def test_pooled_classifier_takes_any_grid_and_flattened_one_only_its_own() -> None:
    assert network(pooled=True)(latent(2, 2, 2)).scores.shape == (2, 2, 2, 2)
    assert network().scores(latent(2, 2, 2)).shape == (2, 2, 2, 2)
    with pytest.raises(InputError, match="grid of"):
        network()(latent(2, 2, 2))


def test_mixed_precision_returns_float32() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        result = network()(latent(*GRID))
    assert result.scores.dtype == result.logits.dtype == torch.float32


def test_hidden_width_must_fit_the_norm() -> None:
    with pytest.raises(ValidationError, match="multiple of 8"):
        ImportanceSettings(classifier_hidden=20)
