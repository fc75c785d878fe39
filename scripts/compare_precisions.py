"""Does a lower precision change what the bundled model makes? The figures of docs/performance.md.

Held-out phantoms (seeds that training never saw) give the likelihood of their tokens; a judge that
was trained on other phantoms gives the class agreement of samples. What is done already is kept, so
that a stopped call goes on::

    python scripts/compare_precisions.py --work runs/precision
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # share the processor; before torch loads

import numpy as np
import torch

from napari_tumor_synth.evaluation.classifier import RoiClassifier
from napari_tumor_synth.evaluation.classifier_training import train_classifier
from napari_tumor_synth.evaluation.diversity import measure_diversity
from napari_tumor_synth.files import write_json
from napari_tumor_synth.generators.catalogue import resolve_model
from napari_tumor_synth.generators.families import load_generator
from napari_tumor_synth.generators.vqgan import VqganGenerator
from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
from napari_tumor_synth.imaging.phantom.writing import write_phantoms
from napari_tumor_synth.imaging.prepare import prepare_cohort
from napari_tumor_synth.imaging.roi import RoiSettings
from napari_tumor_synth.imaging.roi_cache import RoiCache
from napari_tumor_synth.networks.transformer import to_tokens
from napari_tumor_synth.workflows.generate import open_generator

RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "precision.json"
PRECISIONS = ("float32", "bfloat16", "int8")
HELD_OUT, JUDGE = 50_000, 60_000  # first seeds of phantoms
FIRST_SEED = 300_000  # of samples
WITHIN = 0.01  # of the likelihood in float32


def main() -> None:
    options = _options()
    os.nice(options.nice)
    plain = open_generator(options.model, "cpu", precision="float32")
    held_out = _cache(options, "held", HELD_OUT, options.held_out, plain, {"test": 1.0})
    learnt = {"train": 0.8, "validation": 0.1, "test": 0.1}
    judge = _judge(options, _cache(options, "judge", JUDGE, options.judge, plain, learnt))
    found = {name: _measured(options, name, held_out, judge) for name in PRECISIONS}
    result = {
        "benchmark": "precision",
        "model": plain.name,
        "model_sha256": plain.sha256,
        "held_out": len(held_out),
        "samples": options.samples * len(plain.classes),
        "precisions": {name: {**one, **_verdict(one, found)} for name, one in found.items()},
    }
    print(json.dumps(result, indent=2))
    if options.keep:
        write_json(RESULT, result)


def _cache(
    options: argparse.Namespace,
    name: str,
    seed: int,
    count: int,
    model: Any,
    fractions: dict[str, float],
) -> RoiCache:
    cases, cache = options.work / name / "cases", options.work / name / "cache"
    if not (cache / "manifest.json").is_file():
        settings = PhantomSettings.model_validate({"sequences": model.sequences})
        write_phantoms(cases, count, seed, settings=settings)
        prepare_cohort(
            cases,
            cache,
            RoiSettings(size=model.size, spacing_mm=model.spacing_mm),
            sequences=model.sequences,
            fractions={"train": 0.0, "validation": 0.0, "test": 0.0, **fractions},
        )
    return RoiCache.open(cache)


def _judge(options: argparse.Namespace, cache: RoiCache) -> RoiClassifier:
    path = options.work / "judge.safetensors"
    if not path.is_file():
        train_classifier(cache).save(path)
    return RoiClassifier.load(path)


def _measured(
    options: argparse.Namespace, precision: str, held_out: RoiCache, judge: RoiClassifier
) -> dict[str, Any]:
    path = options.work / f"{precision}.json"
    if path.is_file():
        return json.loads(path.read_text("utf-8"))  # type: ignore[no-any-return]
    generator = load_generator(
        resolve_model(options.model)[0], torch.device("cpu"), precision=precision
    )
    assert isinstance(generator, VqganGenerator)
    seeds = range(FIRST_SEED, FIRST_SEED + options.samples)
    made = {
        name: [sample.roi.image for sample in generator.sample(name, seeds)]
        for name in generator.classes
    }
    images = [image for group in made.values() for image in group]
    classes = [name for name, group in made.items() for _ in group]
    found = {
        "nats_a_position": _nats(generator, held_out),
        "class_agreement": judge.agreement(images, classes).as_json(),
        "ms_ssim": {
            name: measure_diversity(group, pairs=options.pairs).as_json()
            for name, group in made.items()
        },
        "decoder_difference": _decoder_difference(generator, held_out),
        "decoder_precision": generator.decoder_precision,
    }
    write_json(path, found)
    return found


@torch.inference_mode()
def _nats(generator: VqganGenerator, held_out: RoiCache) -> float:
    """Return the mean negative log-likelihood of held-out tokens, all levels of a position."""
    model, total = generator.transformer, 0.0
    for index in range(len(held_out)):
        tokens = _tokens(generator, held_out, index)
        start = torch.tensor([held_out.class_index(index)])
        cache = model.new_cache(1)
        hidden = model.steps(start, tokens[:, :-1], cache)
        logs = model.logits(hidden, tokens).double().log_softmax(-1)
        total -= float(logs.gather(-1, tokens[..., None]).sum()) / tokens.shape[1]
    return total / len(held_out)


@torch.inference_mode()
def _decoder_difference(generator: VqganGenerator, held_out: RoiCache) -> float:
    """Return the mean difference of decoded tumours to float32, of a range of 2."""
    differences = []
    for index in range(0, len(held_out), 10):
        tokens = _tokens(generator, held_out, index)
        exact = generator.autoencoder.decode(
            generator.autoencoder.quantise(
                generator.autoencoder.encode(torch.from_numpy(held_out.load(index))[None])
            ).vectors
        )
        tumour = held_out.load(index) > -1
        found = generator.decode_tokens(tokens)[0]
        differences.append(float(np.abs(found - exact[0].numpy())[tumour].mean()))
    return float(np.mean(differences))


def _tokens(generator: VqganGenerator, cache: RoiCache, index: int) -> torch.Tensor:
    image = torch.from_numpy(cache.load(index))[None]
    return to_tokens(generator.autoencoder.quantise(generator.autoencoder.encode(image)).codes)


def _verdict(one: dict[str, Any], found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Tell whether a precision holds: all figures as in float32, within what can be measured."""
    exact = found["float32"]
    change = one["nats_a_position"] / exact["nats_a_position"] - 1
    agreement = exact["class_agreement"]
    held = abs(change) <= WITHIN
    held &= agreement["low"] <= one["class_agreement"]["share"] <= agreement["high"]
    for name, diversity in exact["ms_ssim"].items():
        held &= diversity["low"] <= one["ms_ssim"][name]["ms_ssim"] <= diversity["high"]
    return {"nats_change": change, "holds": bool(held)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/precision"))
    parser.add_argument("--model", default=None)
    parser.add_argument("--held-out", type=int, default=65, help="phantoms of each class")
    parser.add_argument("--judge", type=int, default=130, help="phantoms of each class")
    parser.add_argument("--samples", type=int, default=400, help="of each class")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--nice", type=int, default=10)
    parser.add_argument("--no-keep", dest="keep", action="store_false")
    return parser.parse_args()


if __name__ == "__main__":
    main()
