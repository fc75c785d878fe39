import importlib.util
import json
from pathlib import Path

from napari_tumor_synth.training.recipes.files import ablation_names, load_recipe

ROOT = Path(__file__).parent.parent


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_kept_results_say():
    writer = load("write_ablations")
    page = writer.PAGE.read_text("utf-8")
    results = json.loads(writer.RESULTS.read_text("utf-8"))
    assert page == writer.fill(page, results)
    assert page.count("|---") > 10  # tables, not the empty places for them
    changed = json.loads(json.dumps(results))
    changed["masking"]["50 %"]["LGG"]["mmd"] += 1000
    assert writer.fill(page, changed) != page


def test_the_mask_ratio_that_the_page_names_is_the_recipes():
    page = load("write_ablations").PAGE.read_text("utf-8")
    ratio = load_recipe("vqgan-cond-small").token_training.mask_ratio
    assert f"({ratio:g}; paper 0.5)" in page


def test_every_small_ablation_is_run_by_the_script():
    script = (ROOT / "scripts" / "ablations.py").read_text("utf-8")
    small = [name for name in ablation_names() if "-small" in name]
    assert len(small) == 4
    assert all(f'"{name.rpartition("/")[2]}"' in script for name in small)
