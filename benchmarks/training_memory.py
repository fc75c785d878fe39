"""Peak memory of training steps, each in a process of its own, against the estimate before.

Peaks are those of the resident set beyond what imports take, on the processor. For a GPU there are
estimates only.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from shared.measuring import begin, parser, report
from shared.spheres import Spheres, random_tokens

from napari_tumor_synth.training.memory.estimate import MemoryNeed
from napari_tumor_synth.training.recipes.files import load_recipe, recipe_names
from napari_tumor_synth.training.vqgan.autoencoder import AutoencoderStage
from napari_tumor_synth.training.vqgan.decoder import DecoderStage
from napari_tumor_synth.training.vqgan.memory_need import memory_needs
from napari_tumor_synth.training.vqgan.module import AutoencoderModule
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.stage_settings import Phase
from napari_tumor_synth.training.vqgan.transformer import TransformerStage

ROIS = 32
LARGE = 100  # voxels of an edge: of such ROIs one is measured at a time
MEASURED = ("phantom-flair-64", "vqgan-lat8-small", "vqgan-lat8", "vqgan-cond")
WAYS = (("32-true", False), ("bf16-mixed", False), ("bf16-mixed", True))


def main(given: Sequence[str] | None = None) -> None:
    options = parser(__doc__ or "", repeats=1)
    options.add_argument("--recipes", nargs="+", default=MEASURED, help="To measure.")
    options.add_argument("--estimated", nargs="+", default=None, help="To estimate for a GPU.")
    options.add_argument("--child", default="", help="One case as JSON, used by the benchmark.")
    arguments = options.parse_args(given)
    machine = begin(arguments)
    if arguments.child:
        sys.stdout.write(json.dumps(measure(json.loads(arguments.child))))
        return
    found = {"benchmark": "training_memory", "machine": machine}
    if not Path("/proc/self/status").is_file():
        report({**found, "left_out": "Peaks of single processes are read from Linux's /proc."})
        return
    estimated = [on_gpu(name) for name in arguments.estimated or recipe_names()]
    measured = [
        compared(case) for name in arguments.recipes for case in cases(name, least=arguments.small)
    ]
    report({**found, "measured": measured, "estimated_for_a_gpu": estimated})


def cases(name: str, *, least: bool) -> Iterator[dict[str, Any]]:
    """Yield what is measured of a recipe: every stage and size of patch by itself."""
    recipe = load_recipe(name)
    large = max(recipe.size) > LARGE
    ways = WAYS[:1] if least else WAYS if large else WAYS[:2]
    for precision, recompute in ways:
        chosen = recipe.model_copy(update={"precision": precision})
        needs = memory_needs(chosen, 2, checkpointed=recompute)
        for need in needs:
            earlier = left_by_earlier(need, needs, chosen)
            batch = 1 if large else need.batch
            yield {
                "recipe": recipe.name,
                "file": name,
                "precision": precision,
                "recompute": recompute,
                "stage": need.stage,
                "part": need.part,
                "crop": crop_of(need),
                "batch": batch,
                "estimated_mb": round((need.at(batch) - earlier) / 1e6),
            }


def left_by_earlier(need: MemoryNeed, needs: Sequence[MemoryNeed], recipe: VqganRecipe) -> int:
    """Return what the estimate counts of stages that are not there where one is measured alone."""
    if need.stage == "decoder":
        return needs[0].fixed_bytes
    if need.stage == "autoencoder":
        return 0
    with torch.device("meta"):
        state = AutoencoderModule(recipe, 2).state_dict()
    stages = 1 if recipe.decoder_training is None else 2
    return stages * sum(value.numel() * value.element_size() for value in state.values())


def crop_of(need: MemoryNeed) -> int | None:
    return next((int(word) for word in need.part.split() if word.isdigit()), None)


def compared(case: dict[str, Any]) -> dict[str, Any]:
    """Measure a case in a fresh process."""
    command = [sys.executable, __file__, "--child", json.dumps(case)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{case}\n{done.stderr}")
    found = json.loads(done.stdout)
    said = {key: value for key, value in case.items() if key not in ("file", "crop")}
    result = {**said, **found, "ratio": round(case["estimated_mb"] / found["measured_mb"], 2)}
    sys.stderr.write(f"{json.dumps(result)}\n")
    return result


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """Take two steps and return by how much the process grew beyond what imports take."""
    recipe = with_one_phase(load_recipe(case["file"]), case)
    fabric = Fabric(accelerator="cpu", devices=1, precision=recipe.precision)
    warm = torch.zeros(1, 1, 8, 8, 8, requires_grad=True)
    torch.nn.functional.conv3d(warm, torch.zeros(1, 1, 3, 3, 3)).sum().backward()
    with tempfile.TemporaryDirectory() as folder:
        before = memory_of_process("VmRSS")
        stage = stage_of(case, recipe, fabric, Path(folder))
        start = time.perf_counter()
        for index in range(2):  # the optimisers' moments are there from the second on
            assert not stage.step(index).skipped
        seconds = time.perf_counter() - start
    peak = memory_of_process("VmHWM") - before
    return {"measured_mb": round(peak / 1e6), "two_steps_s": round(seconds, 1)}


def with_one_phase(recipe: VqganRecipe, case: dict[str, Any]) -> VqganRecipe:
    """Return the recipe with the one phase of the case, the discriminator on from the start."""
    phases = {"phases": (Phase(batch=case["batch"], crop=case["crop"], steps=2),)}
    at_once = {"start": 0.0, "warm_up": 0.0, "ramp": 0.0}
    first = recipe.autoencoder_training
    adversarial = first.adversarial.model_copy(update=at_once)
    now = {**phases, "adversarial": adversarial, "quantiser_start": 0.0}
    changed = {
        "precision": case["precision"],
        "token_training": recipe.token_training.model_copy(update=phases),
        "autoencoder_training": first.model_copy(update=now),
    }
    if recipe.decoder_training is not None:
        changed["decoder_training"] = recipe.decoder_training.model_copy(update=phases)
    return recipe.model_copy(update=changed)


def stage_of(case: dict[str, Any], recipe: VqganRecipe, fabric: Fabric, folder: Path) -> Any:
    recompute = case["recompute"]
    if case["stage"] == "transformer":
        tokens = random_tokens(recipe, ROIS)
        with torch.device("meta"):  # decodes samples in reviews, of which there are none here
            autoencoder = AutoencoderModule(recipe, 2)
        return TransformerStage(
            recipe, tokens, tokens, fabric, autoencoder, ("a", "b"), folder, recompute=recompute
        )
    rois = range(ROIS)
    source = Spheres(recipe)
    first = AutoencoderStage(recipe, source, rois, rois, 2, fabric, folder, recompute=recompute)
    return DecoderStage(first) if case["stage"] == "decoder" else first


def memory_of_process(what: str) -> int:
    """Return bytes from /proc: `getrusage` would tell the peak of the process that started this."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(what)]
    return 1024 * int(line.split()[1])


def on_gpu(name: str) -> dict[str, Any]:
    """Estimate the stages of a recipe for a GPU, with its whole batch at once."""
    recipe = load_recipe(name)
    start = time.perf_counter()
    plain = memory_needs(recipe, 2, device="cuda")
    seconds = time.perf_counter() - start
    sparing = memory_needs(recipe, 2, device="cuda", checkpointed=True)
    return {
        "recipe": recipe.name,
        "precision": recipe.precision,
        "estimate_s": round(seconds, 2),
        "stages": [
            {
                "stage": need.stage,
                "part": need.part,
                "batch": need.batch,
                "fixed_mb": round(need.fixed_bytes / 1e6),
                "one_roi_mb": round(need.at(1) / 1e6),
                "batch_mb": round(need.at(need.batch) / 1e6),
                "one_roi_recomputed_mb": round(less.at(1) / 1e6),
                "batch_recomputed_mb": round(less.at(need.batch) / 1e6),
            }
            for need, less in zip(plain, sparing, strict=True)
        ],
    }


if __name__ == "__main__":
    main()
