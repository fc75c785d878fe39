"""Tables on windows."""

from typing import Any

from performance_tables.parts import in_seconds, table


def workbench(result: dict[str, Any]) -> str:
    loop = result["event_loop"]
    rows = [
        ("start of the process to the open workbench", f"{result['window_s']:.2g} s"),
        (f"start to the first ROI of {result['model']}", f"{result['first_roi_s']:.2g} s"),
        ("moved slider to all three planes painted", in_seconds(result["slider_to_planes"])),
        ("the same to the painted 3D view, which comes last", in_seconds(result["slider_to_3d"])),
        ("case dropped to previewed ROI in all three planes", in_seconds(result["case_to_roi"])),
        ("the same to the painted 3D view", in_seconds(result["case_to_3d"])),
        (f"cohort of {result['cohort']['cases']} cases recognised", in_seconds(result["cohort"])),
        *(
            (
                f"gap between turns of the event loop, {name}",
                f"p95 {loop[key]['p95']:g} ms, longest {loop[key]['max']:g} ms",
            )
            for name, key in (("idle", "idle_ms"), ("generating", "generating_ms"))
        ),
        ("peak memory", f"{result['peak_mb']:g} MB"),
    ]
    return table(("what", "measured"), rows)


def reading(result: dict[str, Any]) -> str:
    kinds = {"single": "one ROI", "2afc": "a pair"}
    rows = [
        (
            kinds[task],
            f"{found['open_s']:.2g} s",
            in_seconds(found["next_case"]),
            in_seconds(found["slice"]),
        )
        for task, found in result["tasks"].items()
    ]
    header = ("case", "window open to the first case", "answer to the next case painted", "slice")
    shown = table(header, rows)
    return f"Cases of {result['size']}^3.\n\n{shown}"


def train_panel(result: dict[str, Any]) -> str:
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
    return f"Recipe {result['recipe']}.\n\n{table(('what', 'measured'), rows)}"


def compare_panel(result: dict[str, Any]) -> str:
    gaps = result["event_loop"]["looking_up_ms"]
    rows = [
        ("open the gallery in the panel", f"{result['open_s']:g} s"),
        ("selected ROI to the list on screen, the first", f"{result['first_look_up_s']:g} s"),
        ("selected ROI to the list on screen, later", in_seconds(result["look_up"])),
        ("the same with transforms", f"{result['with_transforms_s']:g} s"),
        ("a match to both in view, the first", f"{result['first_comparison_s']:g} s"),
        ("a match to both in view, later", f"{result['next_comparison_s']:g} s"),
        ("a move of the swipe to all planes painted", in_seconds(result["swipe"])),
        ("gaps of the window's event loop meanwhile, p95", f"{gaps['p95']:g} ms"),
        ("the longest", f"{gaps['max']:g} ms"),
    ]
    header = (f"gallery of {result['cases']} ROIs of {result['size']}^3", "measured")
    return table(header, rows)
