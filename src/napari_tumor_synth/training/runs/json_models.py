"""Reading a JSON file as a pydantic model, whatever happened to the file."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from napari_tumor_synth.errors import TrainingError

_Model = TypeVar("_Model", bound=BaseModel)


def read_model(path: Path, model: type[_Model], remedy: str) -> _Model:
    """Read one file.

    Raises
    ------
    TrainingError
        It is missing, cut short, or holds something else; the sentence says what, then `remedy`.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise TrainingError(f"{path} cannot be read: {reason}.", remedy) from error
    except ValueError as error:
        raise TrainingError(f"{path} is damaged ({_first(error)}).", remedy) from error


def _first(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error).partition("\n")[0]
    first = error.errors(include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
