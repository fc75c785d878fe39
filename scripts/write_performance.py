"""Write the tables of docs/performance.md from benchmarks/results/*.json; no figure is typed."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "performance.md"
NOT_YET = "Not measured yet: run `make benchmarks`."


def fill(page: str, results: dict[str, dict[str, Any]]) -> str:
    """Replace what stands between the markers of each benchmark."""
    for name, write in TABLES.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise SystemExit(f"docs/performance.md must hold the markers of {name} once.")
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        page = f"{before}{begin}\n{_part(results.get(name), write)}\n\n{end}{after}"
    return page


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}


def _part(result: dict[str, Any] | None, write: Callable[[dict[str, Any]], str]) -> str:
    if result is None:
        return NOT_YET
    table = result["left_out"] if "left_out" in result else write(result)
    peak = result.get("peak_mb")
    if peak is not None and "MB" not in table:
        table += f"\n\nPeak memory of the process: {peak:g} MB."
    return f"{table}\n\n{_conditions(result['machine'])}" if "machine" in result else table


def _conditions(machine: dict[str, Any]) -> str:
    doubts = [machine["note"], "small settings, no measurement" if machine["small"] else ""]
    said = "; ".join(doubt for doubt in doubts if doubt)
    return (
        f"{machine['processor']}, {machine['threads']} threads, torch {machine['torch']}, Python "
        f"{machine['python']}, {machine['system']}; load before the start "
        f"{machine['load_before']:g}.{f' **{said.capitalize()}.**' if said else ''}"
    )


def _table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(header)
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _time(found: dict[str, Any]) -> str:
    return f"{found['median_s']:.3g} s ({found['least_s']:.3g} to {found['most_s']:.3g})"


def _roi_extraction(result: dict[str, Any]) -> str:
    rows = [(f"read image and segmentation ({result['case']})", _time(result["read"]))]
    rows += [(f"cut the ROI, {box}", _time(found)) for box, found in result["extract"].items()]
    if result["peak_mb"] is not None:
        rows.append(("peak memory", f"{result['peak_mb']:g} MB"))
    return _table(("what", "time"), rows)


def _prepare(result: dict[str, Any]) -> str:
    rows = [
        (processes, _time(found), f"{found['cases_a_second']:.3g}")
        for processes, found in result["processes"].items()
    ]
    header = (
        "processes",
        f"{result['cases']} cases ({result['cohort']})",
        "cases a second once they run",
    )
    return _table(header, rows)


def _generate(result: dict[str, Any]) -> str:
    what = f"{result['rois']} ROIs of {result['model']}, {result['grid'][0]}^3, whole process"
    return _table(
        ("what", "time", "peak memory"),
        [(what, _time(result["process"]), f"{result['peak_mb']:g} MB")],
    )


def _sampling(result: dict[str, Any]) -> str:
    rows = [
        (
            name,
            r["transformer"],
            r["decoding"],
            r["positions"],
            precision,
            batch,
            _time(found),
            f"{found['median_s'] / int(batch):.3g} s",
        )
        for name, r in result["recipes"].items()
        for precision, batches in r["precisions"].items()
        for batch, found in batches.items()
    ]
    header = (
        "recipe", "transformer", "decoding", "positions", "precision", "samples together", "time",
        "each",
    )  # fmt: skip
    return _table(header, rows)


def _peers(result: dict[str, Any]) -> str:
    rows = [
        (name, r["transformer"], r["tokens"], sampler, _time(found))
        for name, r in result["recipes"].items()
        for sampler, found in r["samplers"].items()
    ]
    return _table(("shape of", "transformer", "tokens", "sampler", "time"), rows)


def _aims(result: dict[str, Any]) -> str:
    full, rows = result["full"], []
    for precision, aim in (("float32", 28.0), ("bfloat16", 14.0), ("int8", 7.0)):
        found = full[precision]
        bound = f"{found['bound_s']:.3g} s at {found['read_gb_s']:g} GB/s"
        rows.append((f"{precision}, one ROI", aim, found["one"]["median_s"], bound))
    default = full["int8"]
    fastest = min(full.values(), key=lambda found: found["each_of_eight_s"])
    rows.append((f"eight ROIs, each, {fastest['precision']}", 4.0, fastest["each_of_eight_s"], "-"))
    rows.append(("decoder alone", 1.5, default["decode"]["median_s"], "-"))
    if "bundled" in result:
        rows.append(
            ("bundled model, warm, one ROI", 0.7, result["bundled"]["one"]["median_s"], "-")
        )
        rows.append(("generate, process to file", 5.0, result["process"]["median_s"], "-"))
    cells = [
        (what, f"{aim:g} s", f"{found:.3g} s", "yes" if found <= aim else "**no**", bound)
        for what, aim, found, bound in rows
    ]
    cells.append(
        (
            "peak memory, one ROI, int8",
            "1500 MB",
            f"{default['peak_mb']:g} MB",
            "yes" if default["peak_mb"] <= 1500 else "**no**",
            "-",
        )
    )
    table = _table(("what", "aim", "measured", "met", "reading the weights alone"), cells)
    return (
        f"Networks of {result['recipe']}; the decoder below float32 in "
        f"{default['decoder_precision']}.\n\n{table}"
    )


def _precision(result: dict[str, Any]) -> str:
    rows = []
    for name, found in result["precisions"].items():
        agreement = found["class_agreement"]
        similarity = ", ".join(
            f"{kind} {one['ms_ssim']:.3f} ({one['low']:.3f} to {one['high']:.3f})"
            for kind, one in found["ms_ssim"].items()
        )
        rows.append(
            (
                name,
                f"{found['nats_a_position']:.4f} ({100 * found['nats_change']:+.2f} %)",
                f"{agreement['share']:.3f} ({agreement['low']:.3f} to {agreement['high']:.3f})",
                similarity,
                f"{found['decoder_difference']:.4f} ({found['decoder_precision']})",
                "yes" if found["holds"] else "**no**",
            )
        )
    header = (
        "precision", "nats a position, held-out", "class agreement", "MS-SSIM among samples",
        "decoder: mean difference in tumours", "holds",
    )  # fmt: skip
    return (
        f"{result['model']}: {result['held_out']} held-out phantoms, {result['samples']} samples a "
        f"precision, with the same seeds.\n\n{_table(header, rows)}"
    )


def _step(result: dict[str, Any]) -> str:
    rows = [
        (
            row["precision"],
            row["batch"],
            *(f"{1000 * row[name]:.3g} ms" for name in ("first_without_reading_s", "first_s")),
            f"{1000 * row['middle_s']:.3g} ms",
        )
        for row in result["steps"]
    ]
    header = ("precision", "samples", "weights in the cache", "weights read", "middle of a sample")
    return f"A step of {result['recipe']}.\n\n{_table(header, rows)}"


def _decoder(result: dict[str, Any]) -> str:
    rows = [
        (
            name,
            f"{r['size'][0]}^3",
            _time(r["trained"]),
            _time(r["float32"]),
            _time(r["bfloat16"]) if r["bfloat16"] else "-",
            f"{100 * r['convolutions']:.0f} %",
            _time(r["encode"]),
        )
        for name, r in result["recipes"].items()
    ]
    header = (
        "recipe", "size", "decode, layer by layer", "decode, float32", "decode, bfloat16",
        "convolutions in the faster", "encode one ROI",
    )  # fmt: skip
    return _table(header, rows)


def _ssim(result: dict[str, Any]) -> str:
    rows = []
    for window, found in result["windows"].items():
        rows.append((window, "this project", _time(found["ours"]), "-"))
        for name, other in found["others"].items():
            scaled = other["a_pair"]["median_s"] * result["cases"]
            rows.append((window, name, f"{scaled:.3g} s", f"{other['largest_difference']:.1g}"))
    sizes = ", ".join(
        f"{found['megabytes_a_volume']:g} MB ({window})"
        for window, found in result["windows"].items()
    )
    among = result["windows"]["uniform"]["all_pairs"]
    table = _table(("window", "by", f"one ROI with {result['cases']}", "largest difference"), rows)
    return (
        f"ROIs of {result['size']}^3.\n\n{table}\n\nAll {among['pairs']} pairs of them: "
        f"{among['median_s']:.3g} s. Kept of each ROI: {sizes}."
    )


def _nearest(result: dict[str, Any]) -> str:
    hidden = "look up a copy that was mirrored, turned and shifted"
    hidden += "" if result["hidden_copy_found"] else ", which was not found"
    rows = [
        ("build the gallery, with all pairs", _time(result["build"])),
        ("open it, and look up a first ROI", _time(result["open_and_first"])),
        ("look up an ROI", _time(result["as_it_is"])),
        (hidden, _time(result["transforms"])),
        ("kept on the disk of each ROI", f"{result['megabytes_a_volume']:g} MB"),
        ("peak memory, the made-up ROIs included", f"{result['peak_mb']:g} MB"),
    ]
    return _table((f"gallery of {result['cases']} ROIs of {result['size']}^3", "measured"), rows)


def _training_step(result: dict[str, Any]) -> str:
    rows = [
        (
            stage,
            step["batch"],
            step["crop"] or "whole",
            step["part"],
            "yes" if step["discriminator"] else "no",
            _time(step),
        )
        for stage in ("autoencoder", "transformer")
        for step in result[stage]
    ]
    header = ("stage", "batch", "patch", "part of the phase", "discriminator", "time a step")
    return f"Recipe {result['recipe']}, {result['precision']}.\n\n" + _table(header, rows)


def _training_memory(result: dict[str, Any]) -> str:
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
        f"{_table((*header, 'measured', 'estimated', 'ratio'), measured)}\n\n"
        "Estimated for a GPU, not measured; `computed again` is the whole batch with "
        "`checkpoint_activations`:\n\n"
        f"{_table((*gpu_header, 'whole batch', 'computed again'), on_gpu)}"
    )


def _workbench(result: dict[str, Any]) -> str:
    loop = result["event_loop"]
    rows = [
        ("start of the process to the open workbench", f"{result['window_s']:.2g} s"),
        (f"start to the first ROI of {result['model']}", f"{result['first_roi_s']:.2g} s"),
        ("moved slider to all three planes painted", _time(result["slider_to_planes"])),
        ("the same to the painted 3D view, which comes last", _time(result["slider_to_3d"])),
        ("case dropped to previewed ROI in all three planes", _time(result["case_to_roi"])),
        ("the same to the painted 3D view", _time(result["case_to_3d"])),
        (f"cohort of {result['cohort']['cases']} cases recognised", _time(result["cohort"])),
        *(
            (
                f"gap between turns of the event loop, {name}",
                f"p95 {loop[key]['p95']:g} ms, longest {loop[key]['max']:g} ms",
            )
            for name, key in (("idle", "idle_ms"), ("generating", "generating_ms"))
        ),
        ("peak memory", f"{result['peak_mb']:g} MB"),
    ]
    return _table(("what", "measured"), rows)


def _train_panel(result: dict[str, Any]) -> str:
    loop = result["event_loop"]
    kinds = {
        "nothing runs": "idle_ms",
        "a run starts": "starting_ms",
        "its curves grow": "curves_ms",
        "its previews are shown as well": "previews_ms",
        "it stops": "stopping_ms",
    }
    rows = [
        ("Start to the first step that the panel shows", f"{result['start_s']:g} s"),
        ("Stop to the end of the process, state saved", f"{result['stop_s']:g} s"),
        *(
            (
                f"gap between turns of the event loop while {words}",
                f"p95 {loop[key]['p95']:g} ms, longest {loop[key]['max']:g} ms",
            )
            for words, key in kinds.items()
        ),
    ]
    return f"Recipe {result['recipe']}.\n\n{_table(('what', 'measured'), rows)}"


def _parameter_counts(result: dict[str, Any]) -> str:
    names = ("encoder", "decoder", "transformer", "discriminator", "importance", "codebook")
    rows = [
        (recipe, *(f"{c[name] / 1e6:.3f}" for name in (*names, "trained", "needed_to_sample")))
        for recipe, c in result["recipes"].items()
    ]
    return _table(("recipe, millions", *names, "trained", "needed to sample"), rows)


TABLES = {
    "aims": _aims,
    "peers": _peers,
    "precision": _precision,
    "generate": _generate,
    "sampling": _sampling,
    "step": _step,
    "decoder": _decoder,
    "roi_extraction": _roi_extraction,
    "prepare": _prepare,
    "ssim": _ssim,
    "nearest": _nearest,
    "workbench": _workbench,
    "train_panel": _train_panel,
    "training_step": _training_step,
    "training_memory": _training_memory,
    "parameter_counts": _parameter_counts,
}


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text("utf-8"), read_results(RESULTS)), "utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}\n")
