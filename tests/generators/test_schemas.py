"""What is generated from the models is committed as it would be generated now."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from napari_tumor_synth.generators.catalogue import Catalogue, CatalogueEntry

ROOT = Path(__file__).parents[2]
ENTRY = {
    "name": "tiny",
    "family": "vqgan",
    "description": "for tests",
    "classes": ["HGG", "LGG"],
    "sequences": ["flair"],
    "grid": [16, 16, 16],
    "spacing_mm": 4.0,
    "licence": "none",
    "training_data": "none",
    "file": "tiny.safetensors",
    "sha256": "0" * 64,
    "megabytes": 0.1,
}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_catalogue_schema_is_current() -> None:
    schemas = script("write_schemas")
    assert schemas.SCHEMA.read_text("utf-8") == schemas.catalogue_schema()


def test_the_settings_reference_is_current() -> None:
    reference = script("write_settings_reference")
    assert reference.REFERENCE.read_text("utf-8") == reference.settings_reference()


def test_the_schema_accepts_what_the_program_writes() -> None:
    schema = json.loads((ROOT / "docs" / "catalogue.schema.json").read_text("utf-8"))
    catalogue = Catalogue(models=(CatalogueEntry.model_validate(ENTRY),))
    jsonschema.validate(catalogue.model_dump(mode="json"), schema)


@pytest.mark.parametrize(
    "wrong", [{"file": "../tiny.safetensors"}, {"sha256": "abc"}, {"grid": [1, 2]}, {"extra": 1}]
)
def test_the_schema_refuses_what_the_program_refuses(wrong: dict[str, object]) -> None:
    schema = json.loads((ROOT / "docs" / "catalogue.schema.json").read_text("utf-8"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema_version": 1, "models": [{**ENTRY, **wrong}]}, schema)
