"""The stored model is what the script of its pre-training makes."""

import hashlib
import json

import pytest
from babel.core import get_global
from safetensors import safe_open

from snippets.training import country_pretraining as pretraining
from snippets.training.country_task import FOLDER, config
from snippets.training.small_neox import Size


def test_the_checkpoint_is_that_of_the_log():
    """Reference: the SHA-256 of the run; transformers names the settings."""
    log = json.loads((FOLDER / "countries_log.json").read_text())
    file = (FOLDER / "countries.safetensors").read_bytes()
    assert hashlib.sha256(file).hexdigest() == log["sha256"]
    assert len(file) < 1.7e6
    assert log["settings"] == pretraining.SETTINGS
    with safe_open(FOLDER / "countries.safetensors", "pt") as opened:
        said = {k: json.loads(v) for k, v in opened.metadata().items()}
    stored = json.loads((FOLDER / "countries.json").read_text())
    assert said == config(Size()) == stored["config"]


def test_the_run_begins_as_the_log_says():
    """Reference: the losses of the run that made the checkpoint."""
    log = json.loads((FOLDER / "countries_log.json").read_text())
    stored = json.loads((FOLDER / "countries.json").read_text())
    if stored["cldr"] != get_global("cldr")["version"]:
        pytest.skip("the facts of another version of CLDR")
    task, model, ids = pretraining.start(pretraining.SETTINGS)
    assert len(ids) == log["tokens_of_prose"]
    assert json.loads(json.dumps(task)) == stored
    run = pretraining.updates(model, ids, pretraining.SETTINGS)
    for record, step in zip(run, range(1, 6), strict=False):
        assert record.loss.item() == pytest.approx(log["losses"][str(step)], abs=2e-3)
