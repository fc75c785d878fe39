"""What a phantom case is made of."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_tumor_synth.imaging.volume import Volume

ClassName = Literal["HGG", "LGG"]
CLASSES: tuple[ClassName, ...] = ("HGG", "LGG")
SequenceName = Literal["flair", "t1", "t1ce", "t2"]
SEQUENCES: tuple[SequenceName, ...] = ("flair", "t1", "t1ce", "t2")
SIMULATED_NOTICE = "phantom, not a patient"
"""Description in the header of every image of a phantom."""


class PhantomSettings(BaseModel):
    """How a case is simulated.

    Attributes
    ----------
    sequences : tuple of str
        Sequences to make, among flair, t1, t1ce and t2.
    volume_ml : float, optional
        Volume of the whole tumour to grow to; None draws it (median 95 ml, as in adults with
        glioma).
    centre_mm : tuple of float, optional
        Where the tumour starts, RAS millimetres of MNI space; None draws a place in the white
        matter above the tentorium.
    noise : float
        Standard deviation of the Rician noise in units of normal white matter, before the average
        over a thick slice; cases vary from 0.6 to 1.6 times that.
    thick_slices : float
        Share of cases acquired in thick slices, as most clinical FLAIR images are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequences: tuple[SequenceName, ...] = SEQUENCES
    volume_ml: Annotated[float, Field(ge=1, le=400)] | None = None
    centre_mm: tuple[float, float, float] | None = None
    noise: Annotated[float, Field(ge=0, le=1)] = 0.09
    thick_slices: Annotated[float, Field(ge=0, le=1)] = 0.8


@dataclass(frozen=True, eq=False)
class PhantomCase:
    """A simulated case.

    Attributes
    ----------
    images : dict of str to Volume
        One float32 image a sequence, arbitrary units, exactly 0 outside the brain.
    segmentation : Volume
        BraTS labels: 1 necrotic or non-enhancing core, 2 oedema or infiltration, 4 enhancing.
    class_name : str
        ``"HGG"`` or ``"LGG"``.
    seed : int
        Seed that makes this case again.
    settings : PhantomSettings
        How it was simulated.
    """

    images: dict[str, Volume]
    segmentation: Volume
    class_name: ClassName
    seed: int
    settings: PhantomSettings
