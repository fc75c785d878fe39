"""Latent positions without tumour, where a model spends no codes on them."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from codebook_steps import learnt, reconstructed
from napari_tumor_synth.imaging.intensity import BACKGROUND
from napari_tumor_synth.networks import vqgan as network
from napari_tumor_synth.networks.quantiser import EmaQuantiser
from napari_tumor_synth.networks.vqgan import Vqgan, VqganSettings

# a tumour of one voxel in block (1, 0, 2), and one that touches blocks (2, 1, 0) and (3, 1, 0)
BLOCK = 4
OCCUPIED = {(1, 0, 2), (2, 1, 0), (3, 1, 0)}


def sparse_roi() -> Tensor:
    roi = torch.full((1, 2, 4 * BLOCK, 2 * BLOCK, 3 * BLOCK), BACKGROUND)
    roi[0, 1, 7, 3, 8] = -0.9
    roi[0, 0, 11:13, 5, 1] = 0.5
    return roi


def model(**changes: object) -> Vqgan:
    values: dict[str, object] = {
        "in_channels": 2,
        "widths": (8, 16),
        "strides": (2, 2),
        "residual_blocks": (1, 1),
        "embedding": 6,
        "codes": 16,
        "levels": 3,
        "norm": "channel",
        "empty_positions": "zero",
    }
    torch.manual_seed(0)
    return Vqgan(VqganSettings.model_validate(values | changes))


def positions(grid: Tensor) -> set[tuple[int, int, int]]:
    return {(int(s), int(a), int(r)) for s, a, r in grid.nonzero()}


def test_background_is_the_grey_outside_of_every_roi() -> None:
    assert network._BACKGROUND == BACKGROUND


def test_the_latent_is_zero_exactly_where_a_block_holds_no_tumour() -> None:
    latent = model().encode(sparse_roi())
    assert positions(latent[0].any(dim=0)) == OCCUPIED
    everywhere = model(empty_positions="encoded").encode(sparse_roi())
    assert everywhere[0].any(dim=0).all()
    for s, a, r in OCCUPIED:
        assert torch.equal(latent[0, :, s, a, r], everywhere[0, :, s, a, r])


def test_empty_positions_get_code_0_of_every_level_whatever_was_learnt() -> None:
    vqgan = model()
    for _ in range(5):
        reconstructed(vqgan, sparse_roi())
    vqgan.eval()
    output = vqgan(sparse_roi())
    content = output.quantised.codes[0].any(dim=0)
    assert positions(content) <= OCCUPIED
    assert positions(output.quantised.vectors[0].any(dim=0)) <= OCCUPIED
    assert torch.equal(vqgan.decode_codes(output.quantised.codes), output.reconstruction)


def test_codebooks_learn_from_the_tumour_alone() -> None:
    z = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
    padded = torch.zeros(1, 5, 10, 10, 10)
    padded.view(1, 5, 1000)[0, :, ::25] = z.T
    alone = z.T.reshape(1, 5, 40, 1, 1)
    with_background, without = (EmaQuantiser(5, 8, levels=2, zero_code=True) for _ in range(2))
    for _ in range(4):
        codes = learnt(with_background, padded).codes.view(2, 1000)[:, ::25]
        assert torch.equal(codes, learnt(without, alone).codes.view(2, 40))
    torch.testing.assert_close(with_background.codebooks, without.codebooks)
    torch.testing.assert_close(with_background.cluster_sizes, without.cluster_sizes)
    assert not with_background.codebooks[:, 0].any()
    assert all(len(book.unique(dim=0)) == 8 for book in with_background.codebooks)


def test_a_batch_without_any_tumour_is_survived() -> None:
    quantiser = EmaQuantiser(5, 8, zero_code=True)
    result = learnt(quantiser, torch.zeros(1, 5, 2, 2, 2))
    assert not result.codes.any()
    assert quantiser.codebooks.isfinite().all()


def test_unit_vectors_cannot_be_zero() -> None:
    with pytest.raises(ValidationError, match="euclidean"):
        model(lookup="cosine", levels=1)
    with pytest.raises(ValueError, match="without a zero code"):
        EmaQuantiser(4, 8, lookup="cosine", zero_code=True)
