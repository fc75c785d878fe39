"""The part of an evaluation that says how large the generator is and how long a sample takes."""

import platform
import time

import numpy as np

from napari_tumor_synth.errors import TumorSynthError
from napari_tumor_synth.evaluation.report.document import Section, Table
from napari_tumor_synth.generators.catalogue import resolve_model
from napari_tumor_synth.generators.checkpoint import read_checkpoint
from napari_tumor_synth.generators.provenance import Provenance
from napari_tumor_synth.progress import OnProgress, Progress
from napari_tumor_synth.workflows.evaluation.part import EVERY, Part
from napari_tumor_synth.workflows.evaluation.sets import EvaluationSets
from napari_tumor_synth.workflows.generate import open_generator
from napari_tumor_synth.workflows.repeat import installed_model

TIMED = 3
TITLE = "How large is the generator, and how long does a sample take?"
_FIRST_SEED = 1_000_000_000


def speed_part(
    sets: EvaluationSets, model: str | None, device: str, on_progress: OnProgress
) -> Part:
    """Count parameters, and time samples one by one.

    Parameters
    ----------
    sets : EvaluationSets
    model : str or None
        Catalogue name or file; None takes the one that the set's records name.
    device : str
    on_progress : callable
        Called once a sample.
    """
    records = {record.model_sha256: record for record in sets.synthetic.records if record}
    if model is None and len(records) != 1:
        who = "no model" if not records else f"{len(records)} models"
        return _not_measured(f"The set's records name {who}: name one with --model.")
    record = next(iter(records.values()), None)
    try:
        return _measured(model, record, device, on_progress)
    except TumorSynthError as error:  # a set may be evaluated where its model is not
        return _not_measured(f"{error.problem} {error.remedy}")


def _measured(
    model: str | None, record: Provenance | None, device: str, on_progress: OnProgress
) -> Part:
    expected = record.model_sha256 if record is not None and model is None else ""
    if model is None and record is not None:
        model = installed_model(record, "The set")
    path, _ = resolve_model(model)
    weights = read_checkpoint(path).tensors.values()
    parameters = sum(tensor.numel() for tensor in weights if tensor.is_floating_point()) / 1e6
    generator = open_generator(model, device, expected)
    seconds = []
    for step in range(TIMED + 1):
        start = time.perf_counter()
        generator.sample(generator.classes[0], [_FIRST_SEED + step])
        seconds.append(time.perf_counter() - start)
        on_progress(Progress(step + 1, TIMED + 1, "timing samples"))
    middle, least, most = (float(f(seconds[1:])) for f in (np.median, np.min, np.max))
    kind = "GPU" if generator.device.type == "cuda" else "CPU"
    row = (
        generator.name, parameters, middle, least, most, kind, generator.precision,
        platform.processor() or platform.machine(),
    )  # fmt: skip
    table = Table(
        "speed",
        f"Weights of the stored model, and seconds of one ROI ({TIMED} after one to warm up)",
        (
            "model", "weights, M", "seconds (median)", "least", "most", "on", "precision",
            "processor",
        ),
        (row,),
    )  # fmt: skip
    data = {
        "model": generator.name,
        "sha256": generator.sha256,
        "weights_m": parameters,
        "seconds": {"median": middle, "least": least, "most": most, "n": TIMED},
        "device": kind,
        "precision": generator.precision,
    }
    seconds_key = "gpu_s" if kind == "GPU" else "cpu_s"
    return Part(
        "speed",
        Section(TITLE, tables=(table,)),
        data,
        (f"{generator.name}  {parameters:.2f} M weights, {middle:.3g} s an ROI ({kind})",),
        {
            (EVERY, "synthetic", "parameters_m"): parameters,
            (EVERY, "synthetic", seconds_key): middle,
        },
    )


def _not_measured(why: str) -> Part:
    return Part("speed", Section(TITLE, (f"Not measured. {why}",)), {"note": why})
