"""Write docs/catalogue.schema.json from the model that reads every catalogue."""

import json
from pathlib import Path

from napari_tumor_synth.generators.catalogue import Catalogue

SCHEMA = Path(__file__).parents[1] / "docs" / "catalogue.schema.json"


def catalogue_schema() -> str:
    schema = Catalogue.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(catalogue_schema(), "utf-8")
