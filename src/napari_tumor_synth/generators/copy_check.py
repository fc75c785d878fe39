"""What a synthetic file says of the real ROI that it is most like, without saying which it is."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

VerdictName = Literal["copy", "close", "usual", "not calibrated"]
Pseudonym = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class CopyCheck(BaseModel):
    """The comparison of a synthetic ROI with a gallery of real ones, before it was written.

    Attributes
    ----------
    verdict : {"copy", "close", "usual", "not calibrated"}
    foreground_ssim, whole_ssim : float
        3D-SSIM with the nearest real ROI.
    percentile, p_value : float or None
        Of the foreground's score among real-to-real nearest scores; None where not calibrated.
    definition : str
        Of the 3D-SSIM.
    transforms : bool
        Whether it was compared mirrored, turned and shifted as well.
    nearest, gallery : str
        Pseudonyms, which can be resolved with the gallery only.
    rois : int
        Real ROIs of the gallery.
    withheld_unless_allowed : bool
        Whether it would not have been written without the user's leave.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: VerdictName
    foreground_ssim: float
    whole_ssim: float
    percentile: float | None
    p_value: float | None
    definition: str
    transforms: bool
    nearest: Pseudonym
    gallery: Pseudonym
    rois: Annotated[int, Field(ge=1)]
    withheld_unless_allowed: bool
