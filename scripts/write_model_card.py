"""Write the model card of a bundled model from what its checkpoint says of itself.

No figure is typed by hand: all come from the provenance inside the stored file. For an aim that
is missed docs/models/reasons.toml must say why::

    python scripts/write_model_card.py phantom-flair-64
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from model_card_sections import evaluated, on_real_rois

from napari_tumor_synth.generators.catalogue import list_models
from napari_tumor_synth.generators.checkpoint import Checkpoint, read_checkpoint
from napari_tumor_synth.imaging.mask_rule import MASK_THRESHOLD

DOCS = Path(__file__).parent.parent / "docs"
TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
REASONS = DOCS / "models" / "reasons.toml"
USAGE, AGREEMENT, DIFFERENCE = 0.80, 0.95, 0.03
AIMS = {
    "usage": f"at least {USAGE:.2f} of the codes of each level on held-out ROIs",
    "agreement": f"at least {AGREEMENT:.2f}",
    "ms_ssim": f"difference within {DIFFERENCE:.2f}",
}

_EMPTY = " The perplexity is low because most positions are background, all with the same code."


def write_card(name: str) -> Path:
    """Write docs/models/NAME.md of an installed model and return its path."""
    card = DOCS / "models" / f"{name}.md"
    card.parent.mkdir(exist_ok=True)
    card.write_text(card_of(name), "utf-8")
    return card


def card_of(name: str) -> str:
    """Return the card of an installed model."""
    model = next(model for model in list_models() if model.entry.name == name)
    checkpoint = read_checkpoint(model.path, expected_sha256=model.entry.sha256)
    measured = DOCS / "models" / f"{name}.real.json"
    real = on_real_rois(json.loads(measured.read_text("utf-8"))) if measured.is_file() else ""
    kept = DOCS / "models" / f"{name}.evaluation.json"
    found = evaluated(name, json.loads(kept.read_text("utf-8"))) if kept.is_file() else ""
    return render(checkpoint, model.entry.megabytes, found + real)


def render(checkpoint: Checkpoint, megabytes: float, real: str = "") -> str:
    """Fill the template; `real` is what was measured since: evaluation, ROIs of patients."""
    settings, provenance = checkpoint.settings, checkpoint.provenance
    figures = provenance["metrics"]
    reconstruction = figures["reconstruction"]
    parameters = sum(t.numel() for t in checkpoint.tensors.values() if t.is_floating_point())
    environment = provenance["environment"]
    return TEMPLATE.read_text("utf-8").format(
        real=real,
        name=settings["name"],
        family=checkpoint.family,
        sequences="+".join(settings["sequences"]),
        classes=" and ".join(settings["classes"]),
        size=settings["size"][0],
        spacing=settings["spacing_mm"],
        threshold=settings.get("mask_threshold", MASK_THRESHOLD),
        parameters=parameters / 1e6,
        megabytes=megabytes,
        sha256=checkpoint.sha256,
        licence=provenance["licence"],
        recipe=provenance["recipe"]["name"],
        versions=", ".join(f"{key} {environment[key]}" for key in ("python", "torch")),
        **provenance["rois"],
        data=provenance["data"],
        volume_auc=figures["volume_auc"],
        generated=figures["rois"]["generated"],
        psnr=_spread(reconstruction["psnr_db"], 2),
        ssim=_spread(reconstruction["ssim"], 3),
        foreground_psnr=_spread(reconstruction["foreground_psnr_db"], 2),
        foreground_ssim=_spread(reconstruction["foreground_ssim"], 3),
        usage=_usage_rows(figures["codebook"]),
        empty=_EMPTY if settings["autoencoder"].get("empty_positions") == "zero" else "",
        agreement=_agreement_rows(figures["class_agreement"]),
        ms_ssim=_similarity_rows(figures["ms_ssim"]),
        volumes=_volume_rows(figures["tumour_ml"]),
        misses=_misses(settings["name"], figures),
        beyond="\n".join(f"* {text}" for text in _beyond(provenance["recipe"])),
        commit=environment["commit"][:12],
        **{f"{key}_aim": text for key, text in AIMS.items()},
    )


def _spread(values: dict[str, float], digits: int) -> str:
    return f"{values['mean']:.{digits}f} ± {values['sd']:.{digits}f}"


def _usage_rows(codebook: dict[str, dict[str, list[float]]]) -> str:
    learnt, held_out = codebook["train"], codebook["test"]
    rows = zip(learnt["usage"], held_out["usage"], held_out["perplexity"], strict=True)
    return "\n".join(
        f"| {level} | {ours:.3f} | {theirs:.3f} | {perplexity:.0f} |"
        for level, (ours, theirs, perplexity) in enumerate(rows, start=1)
    )


def _misses(name: str, figures: dict[str, Any]) -> str:
    missed = {
        "usage": min(figures["codebook"]["test"]["usage"]) < USAGE,
        "agreement": figures["class_agreement"]["generated"]["share"] < AGREEMENT,
        "ms_ssim": any(abs(row["difference"]) > DIFFERENCE for row in figures["ms_ssim"].values()),
    }
    if not any(missed.values()):
        return "None."
    reasons = tomllib.loads(REASONS.read_text("utf-8"))[name] if REASONS.is_file() else {}
    if unexplained := [
        aim for aim, is_missed in missed.items() if is_missed and aim not in reasons
    ]:
        sys.exit(f"Say in {REASONS} under [{name}] why these aims are missed: {unexplained}.")
    return "\n".join(
        f"* {AIMS[aim]}: {reasons[aim]}" for aim, is_missed in missed.items() if is_missed
    )


def _beyond(recipe: dict[str, Any]) -> list[str]:
    """Say what this recipe does that the papers do not."""
    autoencoder, first, second = (
        recipe[key] for key in ("autoencoder", "autoencoder_training", "token_training")
    )
    losses, later = first["losses"], recipe["decoder_training"]
    top_p = recipe["decoding"]["top_p"]
    crops = [f"{phase['crop']}^3" if phase["crop"] else "whole ROIs" for phase in first["phases"]]
    found = {
        f"trained on {', then '.join(crops)}": crops != ["whole ROIs"],
        "each voxel normalised over its channels": autoencoder["norm"] == "channel",
        f"{autoencoder['levels']} residual codes a position, predicted together": (
            autoencoder["levels"] > 1
        ),
        "background without codes of its own": autoencoder["empty_positions"] == "zero",
        f"codebooks begin after {first['quantiser_start']:.0%} of the first stage": (
            first["quantiser_start"] > 0
        ),
        "dead codes are revived": autoencoder["revive_below"] > 0,
        f"the tumour weighs {losses['foreground']:g} times as much as background in the L1 term": (
            losses["foreground"] != 1
        ),
        "no perceptual term in the first stage": losses["perceptual"] == 0,
        "the decoder learns on alone, without critic": later is not None,
        f"drawn among the likeliest codes of tumours, which together hold {top_p:.0%}": top_p < 1,
        f"an adversarial term of weight {losses['adversarial']:g}, late": (
            recipe["discriminator"] is not None
        ),
        f"feature matching of weight {losses['feature_matching']:g}, not 4": (
            losses["feature_matching"] != 4
        ),
        "a pooled auxiliary classifier": bool(
            recipe["importance"] and recipe["importance"]["pooled"]
        ),
        "axial positions": recipe["transformer"]["positions"] == "axial",
        "cross-entropy on all positions": second["loss_on"] == "all",
        "clean tokens as input, no masking": second["masking"] == "none",
        f"random codes in {second['mask_ratio']:.0%} of the input": (
            second["masking"] == "random-codes" and second["mask_ratio"] != 0.5
        ),
        "ROIs mirrored left-right": recipe["mirror"] or second["mirror"],
    }
    return [text for text, holds in found.items() if holds]


def _agreement_rows(agreement: dict[str, Any]) -> str:
    labels = {"real": "phantoms", "reconstructed": "reconstructed", "generated": "generated"}
    return "\n".join(
        f"| {label} | {agreement[kind]['share']:.3f} | "
        f"{agreement[kind]['low']:.3f} to {agreement[kind]['high']:.3f} |"
        for kind, label in labels.items()
    )


def _similarity_rows(similarity: dict[str, Any]) -> str:
    return "\n".join(
        f"| {name} | {row['real']['ms_ssim']:.3f} | {row['generated']['ms_ssim']:.3f} | "
        f"{row['difference']:+.3f} |"
        for name, row in similarity.items()
    )


def _volume_rows(volumes: dict[str, Any]) -> str:
    def cell(values: dict[str, float]) -> str:
        return f"{values['p10']:.0f}, {values['median']:.0f}, {values['p90']:.0f}"

    return "\n".join(
        f"| {name} | {cell(volumes['real'][name])} | {cell(volumes['generated'][name])} |"
        for name in volumes["real"]
    )


if __name__ == "__main__":
    print(write_card(sys.argv[1]))
