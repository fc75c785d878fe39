"""Tables on evaluating."""

from typing import Any

from performance_tables.parts import in_seconds, table


def ssim(result: dict[str, Any]) -> str:
    rows = []
    for window, found in result["windows"].items():
        rows.append((window, "this project", in_seconds(found["ours"]), "-"))
        for name, other in found["others"].items():
            scaled = other["a_pair"]["median_s"] * result["cases"]
            rows.append((window, name, f"{scaled:.3g} s", f"{other['largest_difference']:.1g}"))
    sizes = ", ".join(
        f"{found['megabytes_a_volume']:g} MB ({window})"
        for window, found in result["windows"].items()
    )
    among = result["windows"]["uniform"]["all_pairs"]
    shown = table(("window", "by", f"one ROI with {result['cases']}", "largest difference"), rows)
    return (
        f"ROIs of {result['size']}^3.\n\n{shown}\n\nAll {among['pairs']} pairs of them: "
        f"{among['median_s']:.3g} s. Kept of each ROI: {sizes}."
    )


def nearest(result: dict[str, Any]) -> str:
    hidden = "look up a copy that was mirrored, turned and shifted"
    hidden += "" if result["hidden_copy_found"] else ", which was not found"
    rows = [
        ("build the gallery, with all pairs", in_seconds(result["build"])),
        ("open it, and look up a first ROI", in_seconds(result["open_and_first"])),
        ("look up an ROI", in_seconds(result["as_it_is"])),
        (hidden, in_seconds(result["transforms"])),
        ("kept on the disk of each ROI", f"{result['megabytes_a_volume']:g} MB"),
        ("peak memory, the made-up ROIs included", f"{result['peak_mb']:g} MB"),
    ]
    return table((f"gallery of {result['cases']} ROIs of {result['size']}^3", "measured"), rows)


def ms_ssim(result: dict[str, Any]) -> str:
    rows = []
    for name, found in result["presets"].items():
        peer = found["peer"]
        rows.append((name, "this project", in_seconds(found["all_pairs"]), "-"))
        scaled = f"{peer['all_pairs_scaled_s']:.4g} s"
        rows.append((name, peer["name"], scaled, f"{peer['largest_difference']:.1g}"))
    header = ("preset", "by", f"{result['pairs']} pairs", "largest difference")
    return f"{result['rois']} ROIs of {result['size']}^3.\n\n{table(header, rows)}"


def memorisation(result: dict[str, Any]) -> str:
    def share(found: dict[str, Any]) -> str:
        return f"{found['count']} of {found['of']} ({found['low']:.2f} to {found['high']:.2f})"

    ways = {"as_it_is": "as they are", "transforms": "with transforms"}
    planted = [
        (
            kind,
            ways[way],
            share(found["called_copies"]),
            share(found["source_found"]),
            f"{found['median_foreground_ssim']:.3f}",
        )
        for kind, both in result["planted"].items()
        for way, found in both.items()
    ]
    new = [
        (ways[way], level, share(found))
        for way, levels in result["called_copies"].items()
        for level, found in levels.items()
    ]
    shown = table(
        (
            "planted copy",
            "searched",
            "called a copy",
            "source is the nearest",
            "foreground 3D-SSIM",
        ),
        planted,
    )
    nominal = table(("searched", "p at most", f"of {result['new']} new phantoms"), new)
    return (
        f"Gallery of {result['gallery']} phantoms of {result['size']}^3; intervals of 95 %.\n\n"
        f"{shown}\n\nNew phantoms, which are nobody's copies: the share should be the p-value.\n\n"
        f"{nominal}"
    )


def large_gallery(result: dict[str, Any]) -> str:
    ways = {
        "copy": "a copy",
        "new": "a new ROI",
        "new_bounded": "a new ROI, by bounds",
        "new_shortlist": "a new ROI, 300 compared at most",
        "transforms": "a copy, with transforms",
    }
    rows = [
        (
            one["cases"],
            words,
            in_seconds(one[kind]),
            f"{one[kind]['compared']} of {one['cases']}",
            one[kind]["how"],
        )
        for one in result["galleries"]
        for kind, words in ways.items()
        if kind in one
    ]
    kept = [
        (
            one["cases"],
            f"{one['megabytes']} MB",
            f"{one['build_s']:.3g} s" if one["build_s"] else "-",
            f"{one['fresh_process']['open_and_first_s']:.3g} s",
            f"{one['fresh_process']['VmHWM']} MB",
        )
        for one in result["galleries"]
    ]
    asked = table(("real ROIs", "look up", "measured", "compared", "result"), rows)
    header = ("real ROIs", "on the disk", "built in", "open and look up a first", "peak memory")
    growth = ", ".join(
        f"{ways[kind]} {exponent:.2f}" for kind, exponent in result["growth_exponent"].items()
    )
    return (
        f"Made-up ROIs of {result['size']}^3.\n\n{asked}\n\n{table(header, kept)}\n\n"
        f"Growth with the number of real ROIs (exponent): {growth}."
    )


def fid(result: dict[str, Any]) -> str:
    looked = table(
        ("network", "view", "ROIs", "all of them", "100 ROIs"),
        [
            (
                one["extractor"],
                one["view"],
                f"{one['rois']} of {one['size']}^3",
                f"{one['seconds']:.3g} s",
                f"{one['seconds_per_100']:.3g} s",
            )
            for one in result["looking"]
        ],
    )
    rows = []
    for one in result["distances"]:
        sets = f"2 x {one['vectors']} of {one['dimensions']}"
        rows.append((sets, "this project", in_seconds(one["fid"]), "-"))
        for name, peer in one["peers"].items():
            difference = f"{peer['relative_difference']:.1g}"
            rows.append((sets, name, f"{peer['seconds']:.3g} s", difference))
        whole = in_seconds(one["with_floors_and_kid"])
        rows.append((sets, "this project, with floors and KID", whole, "-"))
    distances = table(("vectors", "FID by", "seconds", "relative difference"), rows)
    return f"{looked}\n\n{distances}"
