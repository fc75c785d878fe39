"""Recipes that stand on others, and what is said of wrong ones."""

import json

import pytest

from napari_tumor_synth.errors import InputError, TrainingError
from napari_tumor_synth.training.recipes.changes import (
    differences,
    flat_settings,
    override,
    parse_change,
)
from napari_tumor_synth.training.recipes.files import ablation_names, load_recipe, recipe_names
from napari_tumor_synth.training.recipes.main_settings import main_settings


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def cond():
    return load_recipe("vqgan-cond")


def test_a_recipe_based_on_another_changes_what_it_names_and_nothing_else(tmp_path, cond):
    mine = write(
        tmp_path,
        "Mine.toml",
        'based_on = "vqgan-cond"\n[autoencoder_training.losses]\ngradient = 0.0\n'
        "[autoencoder]\nwidths = [32, 64, 64, 128, 128]\n",
    )
    assert differences(cond, load_recipe(mine)) == [
        ("name", "vqgan-cond", "mine"),
        ("description", cond.description, "After the recipe vqgan-cond"),
        ("autoencoder.widths", [32, 64, 128, 256, 512], [32, 64, 64, 128, 128]),
        ("autoencoder_training.losses.gradient", 4.0, 0.0),
    ]


def test_chains_and_paths_count_from_the_file_that_names_them(tmp_path):
    write(tmp_path, "shared/base.toml", 'based_on = "vqgan-lat8"\nseed = 5\nmirror = true\n')
    mine = write(tmp_path, "mine/mine.toml", 'based_on = "../shared/base.toml"\nseed = 6\n')
    recipe = load_recipe(mine)
    assert (recipe.name, recipe.seed, recipe.mirror) == ("mine", 6, True)
    assert recipe.autoencoder == load_recipe("vqgan-lat8").autoencoder


def test_a_recipe_based_on_itself_is_refused_with_the_circle(tmp_path):
    write(tmp_path, "a.toml", 'based_on = "b.toml"\n')
    write(tmp_path, "b.toml", 'based_on = "a.toml"\n')
    with pytest.raises(TrainingError, match=r"a\.toml on b\.toml on a\.toml"):
        load_recipe(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ('"vqgan-conf"', r"'vqgan-conf', which mine\.toml is based on\. Did you mean vqgan-cond\?"),
        ("3", "based_on is 3, but must be text"),
    ],
)
def test_what_a_recipe_is_based_on_must_be_there(tmp_path, base, words):
    mine = write(tmp_path, "mine.toml", f"based_on = {base}\n")
    with pytest.raises(TrainingError, match=words):
        load_recipe(mine)


def test_false_leaves_a_part_out(tmp_path):
    text = 'based_on = "phantom-flair-64"\ndiscriminator = false\ndecoder_training = false\n'
    recipe = load_recipe(write(tmp_path, "mine.toml", text))
    assert recipe.discriminator is None
    assert recipe.decoder_training is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[token_training]\ntopk = 0.5\n",
            r"unknown setting, token_training\.topk\. Did you mean top_k\? "
            r"\[token_training\] has the settings phases, learning_rate",
        ),
        ("sized = [1, 2, 3]\n", r"unknown setting, sized\. Did you mean size\? A recipe has the"),
        (
            '[token_training]\nmasking = "hybird"\n',
            r'token_training\.masking is "hybird", but must be one of "random-codes", "hybrid", '
            r'"cosine", "none"\. Did you mean "hybrid"\?',
        ),
        (
            "[token_training]\nmask_ratio = 1.5\n",
            r"token_training\.mask_ratio is 1\.5, but must be a number at least 0 and at most 1",
        ),
        (
            '[autoencoder]\ncodes = "many"\n',
            r'autoencoder\.codes is "many", but must be a whole number at least 2 and at most 6553',
        ),
        ("size = [64, 64]\n", r"lacks size\.2"),
        ("[transformer]\ncodes = 64\n", r"transformer\.codes is 64, but the other settings need"),
        (
            "[token_training]\nphases = [{ batch = 3, epochs = 2, steps = 7 }]\n",
            r"contradict each other in token_training\.phases\.0: give either epochs or steps",
        ),
        ('[token_training]\nmasking = "cosine"\n', r'masking "cosine" is for transformer\.causal'),
        ('[token_training]\nstart_token = "zero"\n', "is for conditional = false"),
        (
            "name = 7\nseed = -1\n",
            r"name is 7, but must be text of small letters, .* \(1 more is wrong\.\)",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(tmp_path, text, words):
    mine = write(tmp_path, "mine.toml", 'based_on = "vqgan-cond"\n' + text)
    with pytest.raises(TrainingError, match=words) as caught:
        load_recipe(mine)
    assert "recipe mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_are_changed_by_dotted_names(cond):
    changed = override(
        cond,
        {"token_training.top_k": 0.5, "token_training.phases.0.epochs": 7, "importance.pooled": 1},
    )
    assert differences(cond, changed) == [
        ("importance.pooled", False, True),
        ("token_training.phases.0.epochs", 5000, 7),
        ("token_training.top_k", 0.25, 0.5),
    ]
    in_steps = override(
        cond, {"token_training.phases.0.epochs": None, "token_training.phases.0.steps": 9}
    )
    assert in_steps.token_training.phases[0].step_count(1000) == 9
    fewer = override(cond, {"autoencoder.codes": 256})
    assert fewer.transformer.codes == 256
    lat8 = override(load_recipe("vqgan-lat8"), {"decoder_training.phases": [{"steps": 5}]})
    assert lat8.decoder_training.phases[0].steps == 5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token_training.topk": 1}, r"unknown setting, token_training\.topk\. Did you mean top_k"),
        ({"token.top_k": 1}, r"unknown setting, token\. .*A recipe has the settings name"),
        ({"token_training.top_k.low": 1}, r"token_training\.top_k is no table"),
        ({"token_training.phases.3.batch": 1}, r"no entry 3 in token_training\.phases"),
        ({"token_training.phases.0.lenght": 1}, r"unknown setting, token_training\.phases\.0\.le"),
        ({"token_training.top_k": "much"}, r'top_k is "much", but must be a number at least 0'),
        ({"transformer.codes": 256}, r"transformer\.codes is 256, but the other settings need"),
        ({"autoencoder": 3}, r"autoencoder is 3, but must be a table"),
        ({"autoencoder.norm": "batches"}, r'one of "batch", "group", "channel"\. Did you mean "ba'),
    ],
)
def test_changes_that_cannot_be_are_refused_in_a_sentence(cond, changes, words):
    with pytest.raises(TrainingError, match=words):
        override(cond, changes)


def test_changes_are_read_as_a_command_line_has_them():
    assert parse_change("token_training.top_k=0.5") == ("token_training.top_k", 0.5)
    assert parse_change("precision = 32-true") == ("precision", "32-true")
    assert parse_change("autoencoder.widths=[8, 16]") == ("autoencoder.widths", [8, 16])
    assert parse_change('name="x"') == ("name", "x")
    assert parse_change("importance=none") == ("importance", None)
    for text in ("seed", "=3", ""):
        with pytest.raises(InputError, match="changes no setting"):
            parse_change(text)


def test_flat_settings_are_those_of_the_record(cond, tmp_path):
    flat = flat_settings(cond)
    assert flat["autoencoder_training.phases.0.epochs"] == 10000
    assert flat["autoencoder.widths"] == [32, 64, 128, 256, 512]
    assert flat == flat_settings(json.loads(json.dumps(cond.recorded())))
    assert override(cond, {k: v for k, v in flat.items() if v is not None}) == cond


def test_a_record_holds_no_path(tmp_path):
    weights = write(tmp_path, "vgg16.pth", "weights")
    names = {"backbone": "vgg16", "weights_file": str(weights)}
    changes = {f"autoencoder_training.perceptual.{key}": value for key, value in names.items()}
    based = write(tmp_path, "mine.toml", 'based_on = "vqgan-lat8"\n')
    recipe = override(load_recipe(based), changes)
    assert recipe.autoencoder_training.perceptual.weights_file == str(weights)
    record = json.dumps(recipe.recorded())
    assert str(tmp_path) not in record
    assert "sha256:" in record
    again = type(recipe).model_validate(json.loads(record))
    assert again.recorded() == recipe.recorded()


@pytest.mark.parametrize("name", [*recipe_names(), *ablation_names()])
def test_every_recipe_offers_about_a_dozen_settings_that_can_be_changed(name):
    recipe = load_recipe(name)
    settings = main_settings(recipe)
    assert 10 <= len(settings) <= 18
    assert len({setting.name for setting in settings}) == len(settings)
    assert all(setting.label and setting.help for setting in settings)
    assert override(recipe, {setting.name: setting.value for setting in settings}) == recipe


def test_main_settings_know_their_limits_and_hide_what_means_nothing(cond):
    found = {setting.name: setting for setting in main_settings(cond)}
    assert found["precision"].choices == ("32-true", "bf16-mixed", "16-mixed")
    top_k = found["token_training.top_k"]
    assert (top_k.value, top_k.least, top_k.most) == (0.25, 0, 1)
    length = found["autoencoder_training.phases.0.epochs"]
    assert length.value == 10000
    assert "epochs" in length.label
    assert "token_training.top_k" not in {s.name for s in main_settings(load_recipe("vqgan-lat8"))}
