"""What the published code of Zhou23 looks up instead of positions; no switch of this product does.

Its codebook cuts a latent (B, C, s, a, r) into rows of C numbers without moving the channels to the
end first. With C = 512 = 8^3, as in lat8, a row is one channel's map over all positions, and the
row's code comes back as if it were a position's: transposed. All published lat8 numbers may rest on
this. Zhou24's code does not do it.
"""

import pytest
import torch

from napari_tumor_synth.networks.codebook_start import nearest_codes
from napari_tumor_synth.networks.quantiser import EmaQuantiser

SIDE = 8
WIDTH = SIDE**3


def released(latent, codebook):
    """Return vectors and codes as the published code finds them; written from its description."""
    batch, width, *grid = latent.shape
    codes = nearest_codes(latent.reshape(-1, width), codebook)
    vectors = codebook[codes].view(batch, *grid, width).movedim(-1, 1)
    return vectors, codes.view(batch, *grid)


@pytest.fixture(scope="module")
def latent():
    return torch.randn(1, WIDTH, SIDE, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def channel_maps(latent):
    """A codebook of the sample's own channel maps."""
    return latent[0].flatten(1)


def ours(latent, codebook):
    quantiser = EmaQuantiser(WIDTH, len(codebook), commitment=1.0).eval()
    quantiser.codebooks[0] = codebook
    quantiser.initialised.fill_(True)
    return quantiser(latent)


def test_every_channel_is_taken_for_a_position_and_comes_back_transposed(latent, channel_maps):
    vectors, codes = released(latent, channel_maps)
    assert torch.equal(codes.flatten(), torch.arange(WIDTH))
    z, found = latent[0].flatten(1), vectors[0].flatten(1)  # (channel, position)
    assert torch.equal(found, z.T)
    assert not torch.allclose(found, z)


def test_a_look_up_of_positions_agrees_by_chance_only(latent, channel_maps):
    _, codes = released(latent, channel_maps)
    true = ours(latent, channel_maps).codes.flatten()
    assert (true == codes.flatten()).float().mean() < 0.02  # 0.008 on the authors' code


def test_the_commitment_pulls_towards_a_symmetric_latent(latent, channel_maps):
    symmetric = latent[0].flatten(1)
    symmetric = (symmetric + symmetric.T).view_as(latent) / 2
    for z, expected in ((latent, 2.0), (symmetric, 0.0)):
        vectors, _ = released(z, z[0].flatten(1))
        assert (z - vectors).square().mean().item() == pytest.approx(expected, abs=0.05)
    # with the positions' own vectors as codes, this product is at rest whatever the latent
    at_rest = ours(latent, latent[0].flatten(1).T)
    assert torch.equal(at_rest.codes.flatten(), torch.arange(WIDTH))
    assert at_rest.commitment.item() == pytest.approx(0, abs=1e-8)
    torch.testing.assert_close(at_rest.vectors, latent)
