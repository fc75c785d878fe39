"""Full precision inside mixed precision."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def in_float32(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Make a function of tensors compute in float32, whatever autocast says.

    Low-precision tensors among the arguments, also within sequences, are converted first.
    Losses add many small terms, for which bfloat16 has too few digits and float16 too small a
    range.
    """

    @wraps(function)
    def wrapper(*arguments: Parameters.args, **keywords: Parameters.kwargs) -> Result:
        converted = _to_float32(arguments)
        named = _to_float32(keywords)
        with torch.autocast(_device_type(converted, named), enabled=False):
            return function(*converted, **named)

    return wrapper


def _to_float32(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        low = value.dtype in (torch.float16, torch.bfloat16)
        return value.float() if low else value
    if isinstance(value, list | tuple):
        return type(value)(_to_float32(item) for item in value)
    if isinstance(value, dict):
        return {key: _to_float32(item) for key, item in value.items()}
    return value


def _device_type(arguments: Any, keywords: Any) -> str:
    for value in (*arguments, *keywords.values()):
        first = value[0] if isinstance(value, list | tuple) and value else value
        if isinstance(first, torch.Tensor):
            return first.device.type
    return "cpu"
