"""Which regions of the latent tell the classes apart: Zhou24 sections 2.1 and A.1.

A scoring network f gives each region of the encoded map a score. An auxiliary classifier sees the
normalised map times the scores, so that f learns which regions the classifier needs. A score says
what that classifier weighted; it is not a probability of disease.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from napari_tumor_synth.errors import InputError

MOST_GROUPS = 32
_GROUP_WIDTH = 8

Hidden = Annotated[int, Field(ge=1, le=8192)]


class ImportanceSettings(BaseModel):
    """Shape of scoring network and auxiliary classifier; the defaults follow the paper.

    Attributes
    ----------
    scoring : {"region", "released"}
        "region": s_i = f(r_i), a perceptron over the channels of one region, as section 2.1 says.
        "released": what the authors' code does instead; a 3^3 convolution mixes neighbours, and
        norms over the whole map make every score depend on all regions.
    scoring_hidden : int, optional
        Hidden channels of f; None takes the latent's channels as the authors' code does.
    classifier_hidden : int
        Hidden width of the classifier, a multiple of 8; 1024 in the authors' code. Its norm has 32
        groups, and fewer where they would hold fewer than 8 channels: a group of one channel would
        normalise away all it knows.
    dropout : float
        Before the classifier's last layer; 0.2 in the authors' code.
    pooled : bool
        False: the classifier sees all positions, flattened, as in the authors' code (67 million
        weights at 8^3 x 128), which fixes the grid. True: it sees their mean, on any grid (our
        addition, for small models and training on patches).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scoring: Literal["region", "released"] = "region"
    scoring_hidden: Hidden | None = None
    classifier_hidden: Hidden = 1024
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    pooled: bool = False

    @model_validator(mode="after")
    def _even_groups(self) -> Self:
        hidden = self.classifier_hidden
        if hidden % _GROUP_WIDTH or hidden % self.classifier_groups:
            raise ValueError("classifier_hidden must be a multiple of 8, and above 256 of 32")
        return self

    @property
    def classifier_groups(self) -> int:
        """Groups of the classifier's norm."""
        return max(1, min(MOST_GROUPS, self.classifier_hidden // _GROUP_WIDTH))


@dataclass(frozen=True)
class Importance:
    """Scores of the regions and what the auxiliary classifier makes of them.

    Attributes
    ----------
    scores : Tensor
        (B, s, a, r) float32 in (0, 1).
    logits : Tensor
        (B, classes) float32.
    """

    scores: Tensor
    logits: Tensor


class ImportanceNetwork(nn.Module):
    """Scoring network f and auxiliary classifier f_cls.

    Parameters
    ----------
    settings : ImportanceSettings
        Shape of the network.
    width : int
        Channels of the latent (before the quantiser).
    classes : int
        Tumour classes, at least two.
    grid : tuple of int
        Latent grid (s, a, r). Only a classifier that is not pooled is bound to it.
    """

    def __init__(
        self, settings: ImportanceSettings, width: int, classes: int, grid: tuple[int, int, int]
    ) -> None:
        super().__init__()
        self.settings, self.grid = settings, grid
        hidden = settings.scoring_hidden or width
        if settings.scoring == "region":
            self.norm: nn.Module = nn.LayerNorm(width)
            self.scoring = nn.Sequential(
                nn.Conv3d(width, hidden, 1), nn.ReLU(), nn.Conv3d(hidden, 1, 1)
            )
        else:
            self.norm = nn.LayerNorm((width, *grid), elementwise_affine=False)
            self.scoring = nn.Sequential(
                nn.Conv3d(width, hidden, 3, padding=1),
                nn.ReLU(),
                nn.Conv3d(hidden, 1, 1),
                nn.GroupNorm(1, 1),
            )
        seen = width if settings.pooled else width * grid[0] * grid[1] * grid[2]
        self.classifier = nn.Sequential(
            nn.Linear(seen, settings.classifier_hidden),
            nn.GroupNorm(settings.classifier_groups, settings.classifier_hidden),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.classifier_hidden, classes),
        )

    def forward(self, latent: Tensor) -> Importance:
        """Score and classify a latent (B, width, s, a, r).

        Raises
        ------
        InputError
            If the network is bound to another grid.
        """
        normalised = self._normalised(latent)
        scores = self._scores(normalised)
        return Importance(scores.squeeze(1), self._classified(normalised * scores))

    def scores(self, latent: Tensor) -> Tensor:
        """Return scores (B, s, a, r) in (0, 1); region scoring takes any grid."""
        return self._scores(self._normalised(latent)).squeeze(1)

    def _normalised(self, latent: Tensor) -> Tensor:
        normalised: Tensor
        if self.settings.scoring == "region":
            normalised = self.norm(latent.movedim(1, -1)).movedim(-1, 1)
            return normalised
        self._require_grid(latent)
        normalised = self.norm(latent)
        return normalised

    def _scores(self, normalised: Tensor) -> Tensor:
        raw: Tensor = self.scoring(normalised)
        return raw.float().sigmoid()

    def _classified(self, modulated: Tensor) -> Tensor:
        if self.settings.pooled:
            seen = modulated.mean(dim=(2, 3, 4))
        else:
            self._require_grid(modulated)
            seen = modulated.flatten(1)
        logits: Tensor = self.classifier(seen)
        return logits.float()

    def _require_grid(self, latent: Tensor) -> None:
        if tuple(latent.shape[2:]) != self.grid:
            raise InputError(
                f"The auxiliary classifier was made for a latent grid of {self.grid}, not "
                f"{tuple(latent.shape[2:])}.",
                "Use whole ROIs of the model's size, or set pooled with region scoring.",
            )
