"""Tables on generating."""

from typing import Any

from performance_tables.parts import in_seconds, table


def aims(result: dict[str, Any]) -> str:
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
    shown = table(("what", "aim", "measured", "met", "reading the weights alone"), cells)
    return (
        f"Networks of {result['recipe']}; the decoder below float32 in "
        f"{default['decoder_precision']}.\n\n{shown}"
    )


def peers(result: dict[str, Any]) -> str:
    rows = [
        (name, r["transformer"], r["tokens"], sampler, in_seconds(found))
        for name, r in result["recipes"].items()
        for sampler, found in r["samplers"].items()
    ]
    return table(("shape of", "transformer", "tokens", "sampler", "time"), rows)


def precision(result: dict[str, Any]) -> str:
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
        f"precision, with the same seeds.\n\n{table(header, rows)}"
    )


def generate(result: dict[str, Any]) -> str:
    what = f"{result['rois']} ROIs of {result['model']}, {result['grid'][0]}^3, whole process"
    return table(
        ("what", "time", "peak memory"),
        [(what, in_seconds(result["process"]), f"{result['peak_mb']:g} MB")],
    )


def sampling(result: dict[str, Any]) -> str:
    rows = [
        (
            name,
            r["transformer"],
            r["decoding"],
            r["positions"],
            precision,
            batch,
            in_seconds(found),
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
    return table(header, rows)


def step(result: dict[str, Any]) -> str:
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
    return f"A step of {result['recipe']}.\n\n{table(header, rows)}"


def decoder(result: dict[str, Any]) -> str:
    rows = [
        (
            name,
            f"{r['size'][0]}^3",
            in_seconds(r["trained"]),
            in_seconds(r["float32"]),
            in_seconds(r["bfloat16"]) if r["bfloat16"] else "-",
            f"{100 * r['convolutions']:.0f} %",
            in_seconds(r["encode"]),
        )
        for name, r in result["recipes"].items()
    ]
    header = (
        "recipe", "size", "decode, layer by layer", "decode, float32", "decode, bfloat16",
        "convolutions in the faster", "encode one ROI",
    )  # fmt: skip
    return table(header, rows)


def parameter_counts(result: dict[str, Any]) -> str:
    names = ("encoder", "decoder", "transformer", "discriminator", "importance", "codebook")
    rows = [
        (recipe, *(f"{c[name] / 1e6:.3f}" for name in (*names, "trained", "needed_to_sample")))
        for recipe, c in result["recipes"].items()
    ]
    return table(("recipe, millions", *names, "trained", "needed to sample"), rows)
