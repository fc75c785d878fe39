"""Values of settings as the command line takes them: ``--set name=value``."""

import json


def setting_text(value: object) -> str:
    """Return a value as `recipe_changes.parse_change` reads it: TOML, with ``none`` besides."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {setting_text(v)}" for key, v in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(setting_text(item) for item in value)}]"
    return repr(value) if isinstance(value, int | float) else json.dumps(str(value))
