"""Write the model card of a bundled model from what its checkpoint says of itself.

No figure is typed by hand: all come from the provenance inside the stored file::

    python scripts/write_model_card.py phantom-flair-64
"""

import sys
from pathlib import Path
from typing import Any

from napari_tumor_synth.generators.catalogue import list_models
from napari_tumor_synth.generators.checkpoint import Checkpoint, read_checkpoint

DOCS = Path(__file__).parent.parent / "docs"
AIMS = {
    "usage": "at least 0.80 of the codes of each level",
    "agreement": "at least 0.95",
    "ms_ssim": "difference within 0.03",
}

TEMPLATE = """# Model card: {name}

**Not for clinical use.** Everything this model makes is synthetic, and marked as such.

| | |
|---|---|
| family | {family}: 3D-VQGAN with a token transformer (Zhou et al. 2023; Zhou, Khalvati 2024) |
| makes | tumour ROIs, {sequences}, classes {classes}, {size}^3 voxels at {spacing:g} mm |
| weights | {parameters:.2f} M, stored as float16, {megabytes:.1f} MB |
| SHA-256 | `{sha256}` |
| licence | {licence} |
| made by | `make bundled-model` with the recipe `{recipe}`, {versions} |

## Data

{train} simulated ROIs to learn from, {validation} to watch, {test} to measure on (split by case),
made by the [phantom](../phantom.md): anatomy from the ICBM152 2009a templates, tumours grown by
reaction and diffusion, appearance from aggregate statistics of real cases. No patient's image was
used to train it. Hash of the data: `{data}`.

## Measured on the stored file

{test} held-out phantoms; {generated} generated ROIs. PSNR and SSIM are for a data range of 2 and a
window of 7 voxels. The foreground is the union of both masks; most of the whole is background.

| reconstruction | PSNR, dB | 3D-SSIM |
|---|---|---|
| whole ROI | {psnr} | {ssim} |
| foreground | {foreground_psnr} | {foreground_ssim} |

| codebook level | share of codes used | perplexity |
|---|---|---|
{usage}

Aim: {usage_aim}.

| class agreement of a separate classifier | share | 95 % interval |
|---|---|---|
{agreement}

Aim for generated ROIs: {agreement_aim}. The classifier's agreement on real and on reconstructed
phantoms bounds what can be expected.

| MS-SSIM among ROIs | phantoms | generated | difference |
|---|---|---|---|
{ms_ssim}

Aim: {ms_ssim_aim}. A higher value among generated ROIs means less variety.

| tumour volume, ml (10th, 50th, 90th percentile) | phantoms | generated |
|---|---|---|
{volumes}

![Samples](../images/{name}-samples.png)

![Held-out phantoms and their reconstructions](../images/{name}-reconstructions.png)

## Beyond the papers

Made small for two processor cores: patches before whole ROIs, normalisation over channels, {levels}
residual codes a position predicted together, axial positions, foreground weight in the L1 term,
cross-entropy on all positions. See [the family's page](../generators/vqgan.md).

## Limits

* Trained on simulations. It knows the phantom's tumours, not patients'; what it makes of a real ROI
  (`reconstruct`) is outside of what it learned.
* {spacing:g} mm voxels: detail below that does not exist.
* The importance scores say what the auxiliary classifier weighted, not a probability of disease.
* Synthetic ROIs have no place in a brain and no left or right.
"""


def main() -> None:
    name = sys.argv[1]
    model = next(model for model in list_models() if model.entry.name == name)
    checkpoint = read_checkpoint(model.path, expected_sha256=model.entry.sha256)
    card = DOCS / "models" / f"{name}.md"
    card.parent.mkdir(exist_ok=True)
    card.write_text(render(checkpoint, model.entry.megabytes), "utf-8")
    print(card)


def render(checkpoint: Checkpoint, megabytes: float) -> str:
    """Fill the template."""
    settings, provenance = checkpoint.settings, checkpoint.provenance
    figures = provenance["metrics"]
    reconstruction = figures["reconstruction"]
    parameters = sum(t.numel() for t in checkpoint.tensors.values() if t.is_floating_point())
    environment = provenance["environment"]
    return TEMPLATE.format(
        name=settings["name"],
        family=checkpoint.family,
        sequences="+".join(settings["sequences"]),
        classes=" and ".join(settings["classes"]),
        size=settings["size"][0],
        spacing=settings["spacing_mm"],
        parameters=parameters / 1e6,
        megabytes=megabytes,
        sha256=checkpoint.sha256,
        licence=provenance["licence"],
        recipe=provenance["recipe"]["name"],
        versions=", ".join(f"{key} {environment[key]}" for key in ("python", "torch")),
        **provenance["rois"],
        data=provenance["data"],
        generated=figures["rois"]["generated"],
        psnr=_spread(reconstruction["psnr_db"], 2),
        ssim=_spread(reconstruction["ssim"], 3),
        foreground_psnr=_spread(reconstruction["foreground_psnr_db"], 2),
        foreground_ssim=_spread(reconstruction["foreground_ssim"], 3),
        usage=_usage_rows(figures["codebook"]),
        agreement=_agreement_rows(figures["class_agreement"]),
        ms_ssim=_similarity_rows(figures["ms_ssim"]),
        volumes=_volume_rows(figures["tumour_ml"]),
        levels=settings["autoencoder"]["levels"],
        **{f"{key}_aim": text for key, text in AIMS.items()},
    )


def _spread(values: dict[str, float], digits: int) -> str:
    return f"{values['mean']:.{digits}f} ± {values['sd']:.{digits}f}"


def _usage_rows(codebook: dict[str, list[float]]) -> str:
    pairs = zip(codebook["usage"], codebook["perplexity"], strict=True)
    return "\n".join(f"| {n} | {u:.3f} | {p:.0f} |" for n, (u, p) in enumerate(pairs, start=1))


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
    main()
