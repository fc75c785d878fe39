"""Write docs/reference/settings.md from the pydantic models and their docstrings."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from napari_tumor_synth.generators.provenance import DecodingSettings
from napari_tumor_synth.imaging.phantom.settings import PhantomSettings
from napari_tumor_synth.imaging.region import RoiSettings
from napari_tumor_synth.networks.discriminator import DiscriminatorSettings
from napari_tumor_synth.networks.importance import ImportanceSettings
from napari_tumor_synth.networks.transformer_settings import TransformerSettings
from napari_tumor_synth.networks.vqgan_settings import VqganSettings
from napari_tumor_synth.training.vqgan.loss_settings import (
    AdversarialSchedule,
    LossWeights,
    PerceptualChoice,
)
from napari_tumor_synth.training.vqgan.recipe import VqganRecipe
from napari_tumor_synth.training.vqgan.stage_settings import (
    AutoencoderTraining,
    Phase,
    TokenTraining,
)

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
MODELS: dict[str, type[BaseModel]] = {
    "ROI (`tumor-synth roi`, `prepare`)": RoiSettings,
    "Phantom (`tumor-synth phantom`)": PhantomSettings,
    "Decoding (`tumor-synth generate`; `[decoding]` of a recipe)": DecodingSettings,
    "Recipe (`tumor-synth train`)": VqganRecipe,
    "`[autoencoder]`": VqganSettings,
    "`[importance]`": ImportanceSettings,
    "`[discriminator]`": DiscriminatorSettings,
    "`[transformer]`": TransformerSettings,
    "`[autoencoder_training]`, `[decoder_training]`": AutoencoderTraining,
    "`phases` of either training": Phase,
    "`[autoencoder_training.losses]`": LossWeights,
    "`[autoencoder_training.perceptual]`": PerceptualChoice,
    "`[autoencoder_training.adversarial]`": AdversarialSchedule,
    "`[token_training]`": TokenTraining,
}
_HEAD = """# Settings

Written by `scripts/write_settings_reference.py` from the models in the code; do not edit.
Papers: [Zhou23] and [1] are Zhou et al. 2023, [Zhou24] and [2] are Zhou and Khalvati 2024.
More on the networks and their training is on [the family's page](../generators/vqgan.md).
"""
_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def settings_reference() -> str:
    return _HEAD + "".join(_section(title, model) for title, model in MODELS.items())


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Read the Attributes section of a numpydoc docstring: name to meaning."""
    section = re.split(r"^Attributes\n-+\n", inspect.getdoc(model) or "", flags=re.M)
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in section[1].splitlines() if len(section) > 1 else []:
        if line and not line.startswith(" "):
            names = [name.strip() for name in line.partition(" : ")[0].split(",")]
        else:
            for name in names:
                found.setdefault(name, []).append(line.strip())
    return {name: " ".join(lines).strip() for name, lines in found.items()}


def _section(title: str, model: type[BaseModel]) -> str:
    explained = meanings(model)
    properties = model.model_json_schema()["properties"]
    rows = [
        f"| `{name}` | {_kind(schema)} | {_default(model, name)} |"
        f" {_cell(explained.get(name, '–'))} |"
        for name, schema in properties.items()
    ]
    head = f"\n## {title}\n\n`{model.__name__}`\n\n| setting | values | default | meaning |\n"
    return head + "|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"table: `{schema['$ref'].rpartition('/')[2]}`"
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if schema.get("type") == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})]
        kinds = list(dict.fromkeys(_kind(item) for item in items))
        count = f"{len(items)} × " if "prefixItems" in schema else "list of "
        return count + ", ".join(kinds)
    limits = [f"{sign} {schema[key]}" for key, sign in _LIMITS.items() if key in schema]
    kind = {"null": "none", "integer": "whole number", "boolean": "true, false"}
    return " ".join([kind.get(schema.get("type", ""), schema.get("type", "")), *limits])


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        value = [item.model_dump(exclude_unset=True) for item in value]
    return _cell(f"`{json.dumps(value)}`")


def _cell(text: str) -> str:
    text = text.replace("|", "\\|").replace("]_", "]")
    return text.replace("{", "").replace("}", "") if not text.startswith("`") else text


if __name__ == "__main__":
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(settings_reference(), "utf-8")
