"""Simulated cases to try the program on: made once, then kept."""

from pathlib import Path

from napari_tumor_synth.imaging.case import Case
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.progress import OnProgress, Progress, ignore_progress
from napari_tumor_synth.workflows.case_files import find_files

SAMPLE_SEED = 1


def sample_case(class_name: str, cache: Path, *, on_progress: OnProgress = ignore_progress) -> Case:
    """Return a simulated case with four sequences and its segmentation.

    Parameters
    ----------
    class_name : {"HGG", "LGG"}
        High- or low-grade glioma.
    cache : Path
        Where it is kept; what another version of the simulation left there is made anew.

    Raises
    ------
    UnknownClassError, OutputError
        As their names say.
    """
    on_progress(Progress(0, 1, f"simulating a case of {class_name}"))
    folder = cache / "samples"
    written = write_phantoms(folder, 1, SAMPLE_SEED, classes=(class_name,), workers=1)
    return find_files(written).cases[0]
