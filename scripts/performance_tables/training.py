"""Tables on training."""

from typing import Any

from performance_tables.parts import in_seconds, table


def training_step(result: dict[str, Any]) -> str:
    rows = [
        (
            stage,
            step["batch"],
            step["crop"] or "whole",
            step["part"],
            "yes" if step["discriminator"] else "no",
            in_seconds(step),
        )
        for stage in ("autoencoder", "transformer")
        for step in result[stage]
    ]
    header = ("stage", "batch", "patch", "part of the phase", "discriminator", "time a step")
    return f"Recipe {result['recipe']}, {result['precision']}.\n\n" + table(header, rows)


def training_memory(result: dict[str, Any]) -> str:
    measured = [
        (
            case["recipe"],
            case["stage"],
            case["part"],
            case["batch"],
            case["precision"],
            "yes" if case["recompute"] else "no",
            f"{case['measured_mb'] / 1e3:.2f} GB",
            f"{case['estimated_mb'] / 1e3:.2f} GB",
            f"{case['ratio']:.2f}",
        )
        for case in result["measured"]
    ]
    header = ("recipe", "stage", "ROIs", "together", "precision", "computed again")
    on_gpu = [
        (
            recipe["recipe"],
            stage["stage"],
            stage["part"],
            stage["batch"],
            recipe["precision"],
            *(f"{stage[name] / 1e3:.2f} GB" for name in ("fixed_mb", "one_roi_mb", "batch_mb")),
            f"{stage['batch_recomputed_mb'] / 1e3:.2f} GB",
        )
        for recipe in result["estimated_for_a_gpu"]
        for stage in recipe["stages"]
    ]
    gpu_header = ("recipe", "stage", "ROIs", "batch", "precision", "between steps", "one ROI")
    return (
        f"{table((*header, 'measured', 'estimated', 'ratio'), measured)}\n\n"
        "Estimated for a GPU, not measured; `computed again` is the whole batch with "
        "`checkpoint_activations`:\n\n"
        f"{table((*gpu_header, 'whole batch', 'computed again'), on_gpu)}"
    )
