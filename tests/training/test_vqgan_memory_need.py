"""What stages are said to hold, against counts and against processes that train."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from napari_tumor_synth.training.memory.estimate import fit_into
from napari_tumor_synth.training.recipes.changes import override
from napari_tumor_synth.training.recipes.files import load_recipe, recipe_names
from napari_tumor_synth.training.vqgan.memory_need import memory_needs

ROOT = Path(__file__).parents[2]
FLOAT = 4


def by_stage(recipe, **conditions):
    return {need.stage: need for need in memory_needs(recipe, 2, **conditions)}


@pytest.fixture(scope="module")
def tiny(tiny_recipe):
    return load_recipe(tiny_recipe)


@pytest.fixture(scope="module")
def small():
    return load_recipe("vqgan-lat8-small")


@pytest.fixture(scope="module")
def needs_of_tiny(tiny):
    return by_stage(tiny)


def test_weights_gradients_and_moments_are_those_of_the_papers_networks():
    needs = by_stage(load_recipe("vqgan-lat8"))
    autoencoder = 35_092_129 - 2 * (992 + 480)  # without the paper's norms that are never called
    discriminator, transformer, codebook = 11_049_665, 303_884_288, 512 * 512
    learnt = 4 * FLOAT * (autoencoder + discriminator)
    first = needs["autoencoder"].fixed_bytes
    buffers = 2 * FLOAT * codebook
    backbone = 25_000_000  # at most, of frozen weights
    assert learnt + buffers < first < learnt + buffers + backbone
    second = needs["transformer"].fixed_bytes - FLOAT * autoencoder
    assert second == pytest.approx(4 * FLOAT * transformer, rel=1e-3)


def test_the_need_grows_linearly_with_the_micro_batch(small):
    need = replace(by_stage(small)["autoencoder"], batch=8)
    steps = [need.at(size + 1) - need.at(size) for size in range(1, need.batch)]
    assert min(steps) == max(steps) == need.bytes_per_roi > 0


def test_float32_takes_more_than_half_precision_and_recomputing_takes_less(small):
    full = by_stage(small.model_copy(update={"precision": "32-true"}))
    half = by_stage(small)
    sparing = by_stage(small, checkpointed=True)
    for stage in ("autoencoder", "transformer"):
        sizes = [needs[stage].at(needs[stage].batch) for needs in (full, half, sparing)]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[2] < 0.8 * sizes[1]


def test_group_norm_takes_more_on_a_gpu_where_it_computes_in_float32():
    recipe = load_recipe("vqgan-cond-small").model_copy(update={"precision": "16-mixed"})
    assert recipe.autoencoder.norm == "group"
    on_processor, on_gpu = (by_stage(recipe, device=kind) for kind in ("cpu", "cuda"))
    assert on_gpu["autoencoder"].bytes_per_roi > 1.3 * on_processor["autoencoder"].bytes_per_roi


def test_averages_and_exchanged_gradients_are_one_copy_each(tiny, needs_of_tiny):
    plain = needs_of_tiny["autoencoder"].fixed_bytes
    averaged = by_stage(tiny, ema=True)["autoencoder"].fixed_bytes
    shared = by_stage(tiny, shared=True)["autoencoder"].fixed_bytes
    assert plain < averaged < 1.4 * plain
    assert plain < shared < 1.4 * plain


@pytest.mark.parametrize("recompute", [False, True])
def test_the_adaptive_weight_of_the_authors_code_takes_a_little_more(tiny, recompute):
    adaptive = override(tiny, {"autoencoder_training.adversarial.weighting": "adaptive"})
    plain, more = (by_stage(r, checkpointed=recompute)["autoencoder"] for r in (tiny, adaptive))
    assert plain.at(4) <= more.at(4) < 1.5 * plain.at(4)


@pytest.mark.slow
@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_can_be_estimated_and_fits_a_gpu_of_16_gb(name):
    needs = memory_needs(load_recipe(name), 2, device="cuda", checkpointed=True)
    assert fit_into([], needs, 1, 16_000_000_000, "on").micro_batch == 1


def test_every_size_of_patch_and_the_decoders_stage_count():
    needs = memory_needs(load_recipe("phantom-flair-64"), 2)
    parts = {(need.stage, need.part): need.batch for need in needs}
    assert parts[("autoencoder", "patches of 32 voxels")] == 8
    assert parts[("autoencoder", "whole ROIs")] == 2
    assert ("decoder", "patches of 48 voxels") in parts
    (decoder, *_) = [need for need in needs if need.stage == "decoder"]
    assert decoder.fixed_bytes > 1.5 * needs[0].fixed_bytes  # the first stage is still there
    assert needs[-1].stage == "transformer"


def test_a_transformer_that_sees_all_positions_holds_about_as_much(tiny, needs_of_tiny):
    shape = tiny.transformer.model_copy(update={"causal": False})
    other = by_stage(tiny.model_copy(update={"transformer": shape}))["transformer"]
    assert other.at(4) == pytest.approx(needs_of_tiny["transformer"].at(4), rel=0.1)


@pytest.mark.slow
def test_estimating_takes_neither_memory_nor_long():
    code = """
import time, torch
from napari_tumor_synth.training.recipes.files import load_recipe
from napari_tumor_synth.training.vqgan.memory_need import memory_needs

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * int([line for line in lines if line.startswith("VmHWM")][0].split()[1])

memory_needs(load_recipe("phantom-flair-64"), 2)  # imports what it needs
before, start = peak(), time.process_time()
needs = memory_needs(load_recipe("vqgan-cond"), 2)
print(peak() - before, time.process_time() - start, max(need.at(3) for need in needs))
"""
    if not Path("/proc/self/status").is_file():
        pytest.skip("needs /proc")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, seconds, estimated = map(float, done.stdout.split())
    assert estimated > 5e9
    assert grown < 5e7
    assert seconds < 15


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("recompute", [False, True])
def test_a_process_that_trains_takes_what_was_estimated(small, recompute):
    """Without the gaps that the C library leaves between tensors, which vary from run to run."""
    recipe = small.model_copy(update={"precision": "32-true"})
    case = {
        "file": "vqgan-lat8-small",
        "precision": "32-true",
        "recompute": recompute,
        "stage": "autoencoder",
        "crop": None,
        "batch": 2,
    }
    script = ROOT / "benchmarks" / "training_memory.py"
    command = [sys.executable, str(script), "--child", json.dumps(case)]
    gapless = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}  # glibc's
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, **gapless}
    )
    measured = json.loads(done.stdout)["measured_mb"] * 1e6
    estimated = by_stage(recipe, checkpointed=recompute)["autoencoder"].at(2)
    assert estimated == pytest.approx(measured, rel=0.1)
