"""How a study is laid out, before any case is drawn."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_tumor_synth.study.scale import Task

ReaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
"""Part of file names: a code, so that the folder does not name persons."""

_RESERVED = {"CON", "PRN", "AUX", "NUL"} | {
    f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10)
}
INFORMATION = (
    "You will see regions of interest around brain tumours, some from patients and some made by a "
    "computer. Rate each one by how certain you are. You may stop at any "
    "time and go on later at the same case. What you answer, when, and which slices you looked at "
    "is recorded under your reader code."
)
CONSENT = (
    "I take part of my own accord, I have read the information above, and I agree that my answers "
    "are evaluated and published without my name."
)
_HALF = 50  # percent


class StudyDesign(BaseModel):
    """The plan of a visual Turing test.

    Attributes
    ----------
    title : str
    task : {"single", "2afc"}
        One ROI a case, rated on six degrees; or a real and a synthetic one side by side.
    readers : tuple of str
        A code each. Every reader reads all cases, in an order of their own.
    real, synthetic : int
        Cases of patients, and of each generator. Pairs of ``2afc`` take as many real ones as there
        are synthetic ones; `real` is not used then.
    training : int
        Cases at the beginning with feedback, half of them real; never scored, never shown again.
    repeats : float
        Share of cases that each reader sees a second time, 0 to 0.3.
    repeat_spacing : int
        Fewest cases between a case and its repeat.
    block_size : int
        Cases between two breaks.
    longest_run : int
        Cases with the same answer in a row, at most.
    time_limit_s : float or None
        After which a case is hidden, and answered from memory.
    allow_back : bool
        Whether readers may go back within a block and revise.
    allow_3d : bool
        Whether a 3D view can be asked for.
    margin : float
        From 50 %, within which accuracy counts as guessing; part of the plan, so that it is not
        chosen afterwards.
    edge_voxels : int
        Layers of voxels that are taken off the edge of every ROI before it is shown.
    prevalence : str or None
        What readers are told of how many are synthetic; None tells the true share, see `told_of`.
    information, consent : str
        What readers are told. An empty consent asks for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200)] = "Visual Turing test"
    task: Task = "single"
    readers: Annotated[tuple[ReaderName, ...], Field(min_length=1, max_length=100)] = (
        "R1", "R2", "R3", "R4", "R5", "R6",
    )  # fmt: skip
    real: Annotated[int, Field(ge=5, le=2000)] = 60
    synthetic: Annotated[int, Field(ge=5, le=2000)] = 60
    training: Annotated[int, Field(ge=0, le=40)] = 6
    repeats: Annotated[float, Field(ge=0, le=0.3)] = 0.15
    repeat_spacing: Annotated[int, Field(ge=1, le=500)] = 10
    block_size: Annotated[int, Field(ge=5, le=500)] = 30
    longest_run: Annotated[int, Field(ge=3, le=20)] = 5
    time_limit_s: Annotated[float, Field(ge=1, le=3600)] | None = None
    allow_back: bool = False
    allow_3d: bool = True
    margin: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    edge_voxels: Annotated[int, Field(ge=0, le=5)] = 0
    prevalence: Annotated[str, Field(max_length=2000)] | None = None
    information: Annotated[str, Field(max_length=20_000)] = INFORMATION
    consent: Annotated[str, Field(max_length=20_000)] = CONSENT

    @model_validator(mode="after")
    def _readers_differ(self) -> Self:
        if not self.title.strip():
            raise ValueError("the title is blank")
        if reserved := sorted({name for name in self.readers if name.upper() in _RESERVED}):
            raise ValueError(f"{reserved[0]} is no file name on Windows")
        if "truth" in {name.lower() for name in self.readers}:
            raise ValueError("a reader called truth would be taken for the truth by iMRMC")
        if len({name.lower() for name in self.readers}) < len(self.readers):
            raise ValueError("two readers have the same code")
        return self


def told_of(design: StudyDesign, generators: int) -> str:
    """Return what readers are told of how many cases are synthetic.

    Parameters
    ----------
    design : StudyDesign
    generators : int
        At least 1.
    """
    if design.prevalence is not None:
        return design.prevalence
    if design.task == "2afc":
        return "One ROI of each pair is synthetic."
    share = generators * design.synthetic / (generators * design.synthetic + design.real)
    percent = round(100 * share)
    return f"About {'half' if percent == _HALF else f'{percent} %'} of the cases are synthetic."
