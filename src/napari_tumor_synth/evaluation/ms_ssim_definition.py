"""Which MS-SSIM: presets by name; figures of different ones are not comparable.

.. [1] Wang et al., Multiscale Structural Similarity for Image Quality Assessment, 2003.
.. [2] Kwon et al., Generation of 3D Brain MRI Using Auto-Encoding GANs, 2019 (seed of the figures
   in the 3D-VQGAN papers), and the code published with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_tumor_synth.errors import InputError

_WANG_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@dataclass(frozen=True, slots=True)
class MsSsimSettings:
    """Which MS-SSIM; figures of different settings must not be compared.

    Attributes
    ----------
    levels : int
        Scales, 1 to 5, each half as fine as the one before (means of 2 x 2 x 2 voxels).
    window : int
        Taps of the Gaussian window, odd.
    sigma : float
        Its standard deviation in voxels.
    exponents : {"rescaled", "published"}
        The first `levels` of those in [1]_, scaled to add up to 1 or as they stand (all five add
        up to 1.0001).
    borders : {"complete", "mirrored"}
        Whether the whole figure leaves out positions whose windows are incomplete, or counts every
        voxel of a volume that is mirrored at its borders.
    intensities : {"0 to 1", "-1 to 1"}
        Of the luminance term, which compares local means as a ratio and means something for
        non-negative intensities only.
    data_range : float
        That the constants K1 = 0.01 and K2 = 0.03 are multiplied by.
    last_level_times : int
        How often the last level counts: once by [1]_.

    Notes
    -----
    Contrast and structure count at every level, luminance at the last only. Population covariance.
    The foreground figure counts, at each level, the voxels that hold foreground of either volume,
    however little (so that no tumour vanishes at a coarse level), with volumes mirrored at their
    borders. A level whose mean is negative counts as 0, because a power of it is not real.
    """

    levels: int = 3
    window: int = 11
    sigma: float = 1.5
    exponents: Literal["rescaled", "published"] = "rescaled"
    borders: Literal["complete", "mirrored"] = "complete"
    intensities: Literal["0 to 1", "-1 to 1"] = "0 to 1"
    data_range: float = 1.0
    last_level_times: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= len(_WANG_WEIGHTS):
            raise InputError(f"MS-SSIM with {self.levels} levels.", "Choose 1 to 5 levels.")
        if self.window < 3 or self.window % 2 == 0 or self.sigma <= 0:
            raise InputError(
                f"MS-SSIM with a window of {self.window} voxels and sigma {self.sigma:g}.",
                "Choose an odd window of 3 voxels or more, and a positive sigma.",
            )

    @property
    def weights(self) -> tuple[float, ...]:
        """The power to which each level is raised."""
        chosen = _WANG_WEIGHTS[: self.levels]
        scale = sum(chosen) if self.exponents == "rescaled" else 1.0
        times = (*[1] * (self.levels - 1), self.last_level_times)
        return tuple(n * weight / scale for n, weight in zip(times, chosen, strict=True))

    @property
    def taps(self) -> NDArray[np.float64]:
        """Weights of the window along one axis, which add up to 1."""
        offset = np.arange(self.window) - self.reach
        kernel = np.exp(-(offset**2) / (2 * self.sigma**2))
        normalised: NDArray[np.float64] = kernel / kernel.sum()
        return normalised

    @property
    def reach(self) -> int:
        """Voxels from the middle of a window to its end."""
        return self.window // 2

    @property
    def least_size(self) -> int:
        """Voxels that a volume needs along each axis."""
        coarsest = self.window if self.borders == "complete" else 1
        return coarsest << (self.levels - 1)

    def __str__(self) -> str:
        last = "" if self.last_level_times == 1 else f", the last {self.last_level_times} times"
        return (
            f"MS-SSIM, {self.levels} levels with {self.exponents} exponents{last}, Gaussian window "
            f"of {self.window} voxels (sigma {self.sigma:g}), population covariance, K1 0.01, "
            f"K2 0.03, intensities in {self.intensities}, data range {self.data_range:g}; whole: "
            f"{_BORDERS[self.borders]}; foreground: at each level the voxels that hold "
            "foreground of either volume, mirrored borders"
        )


_BORDERS = {"complete": "complete windows only", "mirrored": "all voxels, mirrored borders"}

PRESETS: dict[str, MsSsimSettings] = {
    "kwon2019": MsSsimSettings(
        levels=5,
        window=13,
        exponents="published",
        borders="mirrored",
        intensities="-1 to 1",
        last_level_times=4,
    ),
    "wang2003-k7": MsSsimSettings(levels=5, window=7, exponents="published"),
    "wang2003-k11x3": MsSsimSettings(),
}
"""Settings by name.

kwon2019
    What the code of [2]_ computes, its slips included: constants of a data range of 1 on
    intensities in [-1, 1], and a product that takes the last level once for each of the four
    others. The window is that of `scipy.ndimage.gaussian_filter`, cut at 4 sigma.
wang2003-k7
    The five levels of [1]_ with a window that 128^3 has room for; MONAI's default but for
    ``kernel_size=7``. The fifth level of 64^3 has 4 voxels a side, fewer than the window has:
    `settings_for` takes four levels there.
wang2003-k11x3
    Three levels with the window of [1]_: what the model cards of this project report.
"""


def settings_for(preset: str, shape: Sequence[int]) -> MsSsimSettings:
    """Return the settings of a preset for volumes of a size.

    Parameters
    ----------
    preset : str
        A name of `PRESETS`.
    shape : sequence of int
        (S, A, R), or with channels before.

    Returns
    -------
    MsSsimSettings
        Those of the preset; for ``"wang2003-k7"`` and a volume of 56 to 111 voxels the first four
        levels, exponents rescaled. Figures of four and of five levels are not comparable.

    Raises
    ------
    InputError
        No such preset, or the volume is too small for it.
    """
    if preset not in PRESETS:
        raise InputError(
            f"There is no MS-SSIM preset {preset!r}.", f"Choose one of {', '.join(PRESETS)}."
        )
    settings = PRESETS[preset]
    fewer = replace(settings, levels=settings.levels - 1, exponents="rescaled")
    smallest = min(tuple(shape)[-3:])
    if preset == "wang2003-k7" and fewer.least_size <= smallest < settings.least_size:
        settings = fewer
    require_room(tuple(shape), settings)
    return settings


def require_room(shape: tuple[int, ...], settings: MsSsimSettings) -> None:
    """Refuse volumes that hold no complete window at the coarsest level.

    Raises
    ------
    InputError
        The volume is too small, or has neither three nor four axes.
    """
    size = " x ".join(map(str, shape))
    if len(shape) not in (3, 4):
        raise InputError(f"An array of {size} is no ROI.", "Give (S, A, R) or (C, S, A, R).")
    if min(shape[-3:]) < settings.least_size:
        raise InputError(
            f"A volume of {size} voxels is too small for MS-SSIM with {settings.levels} levels "
            f"and a window of {settings.window}.",
            f"Use at least {settings.least_size} voxels along each axis, or fewer levels.",
        )
