"""The error family: what is wrong in one plain sentence, and what the user can do about it."""


class TumorSynthError(Exception):
    """A failure that the user can understand and act on.

    Parameters
    ----------
    problem : str
        One plain sentence that names the file or value concerned, ending in a full stop.
    remedy : str
        One plain sentence that says what to do.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}".strip()


class InputError(TumorSynthError):
    """A value or file that the user gave cannot be used."""


class VolumeError(InputError):
    """An image or segmentation file is missing, damaged or of an unsupported kind."""


class GridMismatchError(InputError):
    """Image and segmentation do not lie on the same voxel grid."""


class EmptySegmentationError(InputError):
    """The segmentation holds none of the labels asked for."""


class CohortError(InputError):
    """A folder or table of cases cannot be understood."""


class GalleryError(InputError):
    """A gallery of real ROIs is missing, damaged, or made for others."""


class StudyError(InputError):
    """A reader study, its key or a reading log is missing, altered, or of another study."""


class UnknownClassError(InputError):
    """A class name that the generator was not trained on."""


class CheckpointError(InputError):
    """A checkpoint is damaged, altered, of another family or of a newer format."""


class OutputError(TumorSynthError):
    """Results cannot be written: folder not writable, disk full."""


class MemoryLimitError(TumorSynthError):
    """The work does not fit into the memory of the machine or of the device."""


class DeviceLostError(TumorSynthError):
    """The device stopped answering: driver gone, kernel aborted, unplugged."""


class TrainingError(TumorSynthError):
    """A training run cannot start or go on."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory does not suffice, the machine's or a device's.

    torch's own errors are known by name and text, so that nobody needs torch to ask.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error) if isinstance(error, RuntimeError) else ""
    return "can't allocate memory" in text or "out of memory" in text
