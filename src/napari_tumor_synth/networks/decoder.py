"""The decoder of the 3D-VQGAN: latents to ROIs (shapes in `vqgan_settings`)."""

from torch import Tensor, nn

from napari_tumor_synth.networks.blocks import ResidualBlock, UpsampleTwice, activation, make_norm
from napari_tumor_synth.networks.recompute import through
from napari_tumor_synth.networks.vqgan_settings import VqganSettings


class Decoder(nn.Sequential):
    """Convolutions, residual blocks and upsampling; `TrainedDecoder` computes the same, faster.

    Parameters
    ----------
    settings : VqganSettings
        Shape of the autoencoder.
    """

    def __init__(self, settings: VqganSettings) -> None:
        super().__init__(*_layers(settings))
        self.recompute = False

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, S, A, R), not yet squashed, of (B, width, s, a, r)."""
        return through(list(self), x, recompute=self.recompute)


def _layers(settings: VqganSettings) -> list[nn.Module]:
    widths, all_blocks = settings.decoder_shape
    doublings = settings.strides.count(2)
    layers: list[nn.Module] = []
    width = settings.widths[-1]
    for stage, (narrower, blocks) in enumerate(zip(widths, all_blocks, strict=True)):
        if stage >= len(widths) - doublings:
            layers.append(UpsampleTwice())
        layers += [
            nn.Conv3d(width, narrower, 3, padding=1),
            make_norm(settings.norm, narrower),
            activation(0.0),
            *(ResidualBlock(narrower, settings.norm, 0.0) for _ in range(blocks)),
        ]
        width = narrower
    # lat4 doubles five times in four stages: the papers' code has the surplus here
    layers += [UpsampleTwice() for _ in range(doublings - len(widths))]
    kernel = settings.final_kernel
    layers.append(nn.Conv3d(width, settings.in_channels, kernel, padding=kernel // 2))
    return layers
