"""What a recipe may hold, read from the JSON schema of its model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class SettingsTree:
    """The settings of one model, found by their place.

    Attributes
    ----------
    root : mapping
        JSON schema of the model, with its ``$defs``.
    """

    root: Schema
    definitions: Schema = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "definitions", self.root.get("$defs", {}))

    def at(self, place: Sequence[str | int]) -> Schema | None:
        """Return the schema of what lies at `place`, or None where there is nothing."""
        schema: Schema | None = self.root
        for step in place:
            schema = self._below(schema, step) if schema is not None else None
        return schema

    def keys_at(self, place: Sequence[str | int]) -> list[str]:
        """Return the settings of the table at `place`; none if it is no table."""
        schema = self.at(place)
        table = self._option(schema, "object") if schema is not None else None
        return list(table.get("properties", {})) if table is not None else []

    def choices_at(self, place: Sequence[str | int]) -> list[Any]:
        """Return the literal values that are allowed at `place`; none if it takes others."""
        schema = self.at(place) or {}
        return [value for option in self._options(schema) for value in _literals(option)]

    def limits_at(self, place: Sequence[str | int]) -> tuple[float | None, float | None]:
        """Return the least and the largest number at `place`, where there are such."""
        number = {}
        for option in self._options(self.at(place) or {}):
            if option.get("type") in ("integer", "number"):
                number = dict(option)
        least = number.get("minimum", number.get("exclusiveMinimum"))
        return least, number.get("maximum", number.get("exclusiveMaximum"))

    def kind_at(self, place: Sequence[str | int]) -> str:
        """Return in words what is allowed at `place`, e.g. ``a whole number of at least 1``."""
        options = self._options(self.at(place) or {})
        words = [self._kind(option) for option in options if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(words)) or "another value"

    def _below(self, schema: Schema, step: str | int) -> Schema | None:
        if isinstance(step, int):
            array = self._option(schema, "array") or {}
            fixed = array.get("prefixItems", [])
            return fixed[step] if step < len(fixed) else array.get("items")
        table = self._option(schema, "object") or {}
        found: Schema | None = table.get("properties", {}).get(step)
        return found

    def _option(self, schema: Schema, kind: str) -> Schema | None:
        fitting = (option for option in self._options(schema) if option.get("type") == kind)
        return next(fitting, None)

    def _options(self, schema: Schema) -> list[Schema]:
        if "$ref" in schema:
            return self._options(self.definitions[schema["$ref"].rpartition("/")[2]])
        if "anyOf" in schema:
            return [deep for option in schema["anyOf"] for deep in self._options(option)]
        return [schema]

    def _kind(self, schema: Schema) -> str:
        if literals := _literals(schema):
            return "one of " + listed(literals) if len(literals) > 1 else listed(literals)
        if schema.get("type") == "array":
            fixed = schema.get("prefixItems")
            inner = self._options((fixed or [schema.get("items", {})])[0])[0]
            count = f"a list of {len(fixed)}" if fixed else "a list"
            return f"{count}, each {self._kind(inner)}"
        kinds = {
            "integer": "a whole number",
            "number": "a number",
            "boolean": "true or false",
            "string": "text",
            "object": "a table",
        }
        return kinds.get(schema.get("type", ""), "another value") + _limits(schema)


def listed(values: Sequence[Any]) -> str:
    """Return values as a recipe writes them, with commas."""
    return ", ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)


def dotted(place: Sequence[str | int]) -> str:
    """Return a place as one name, e.g. ``token_training.phases.0.batch``."""
    return ".".join(str(step) for step in place)


_PATTERNS = {"^[a-z0-9][a-z0-9.-]*$": "of small letters, digits, dots and hyphens"}


def _literals(schema: Schema) -> list[Any]:
    if "enum" in schema:
        return list(schema["enum"])
    return [schema["const"]] if "const" in schema else []


def _limits(schema: Schema) -> str:
    signs = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    found = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    if "pattern" in schema:
        found.append(_PATTERNS.get(schema["pattern"], f"that fits {schema['pattern']}"))
    return f" {' and '.join(found)}" if found else ""
