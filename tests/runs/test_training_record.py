from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trisect.recipes import citris_nf, citris_vae
from trisect.runs.training_record import facts, keeps_last, warnings


def record(*scores: float, criterion: str = "nll") -> dict[str, Any]:
    pairs = [[10 * (k + 1), score] for k, score in enumerate(scores)]
    best = min(pairs, key=lambda pair: pair[1])
    return {
        "criterion": criterion,
        "steps": pairs[-1][0],
        "scores": pairs,
        "best_step": best[0],
        "best_score": best[1],
    }


def keeping(keep: str) -> Any:
    recipe = citris_nf()
    return replace(recipe, flow_training=replace(recipe.flow_training, keep=keep))


@pytest.mark.parametrize(("keep", "step", "score"), [("best", 20, 8.53), ("last", 40, 14.97)])
def test_the_score_is_that_of_the_weights_that_were_kept(keep: str, step: int, score: float) -> None:
    flow = facts({"flow": record(10.0, 8.53, 9.0, 14.97)}, keeping(keep))["flow"]
    assert (flow["kept_step"], flow["kept_score"]) == (step, score)
    assert (flow["best_step"], flow["best_score"], flow["steps"], flow["criterion"]) == (20, 8.53, 40, "nll")


def test_the_stage_of_a_variational_model_has_its_own_settings() -> None:
    recipe = citris_vae()
    assert not keeps_last("vae", recipe)
    assert keeps_last("vae", replace(recipe, variational_training=replace(recipe.variational_training, keep="last")))


def test_a_held_out_score_that_rises_is_spoken_of() -> None:
    (best,) = warnings({"flow": record(10.0, 8.53, 9.0, 14.97)}, keeping("best"))
    assert best == (
        "flow: the held-out nll was lowest at step 20 (8.53) and rose to 14.97 at step 40: longer training made the "
        "model worse; the weights of step 20 were kept"
    )
    (last,) = warnings({"flow": record(10.0, 8.53, 9.0, 14.97)}, keeping("last"))
    assert "keep='last' (--flow_training.keep last) kept the weights of step 40, which score 14.97" in last
    assert "keep='best' would keep those of step 20" in last


def test_a_score_that_explodes_and_recovers_is_spoken_of() -> None:
    (sentence,) = warnings({"vae": record(5.0, 4.0, 400.0, 4.1, criterion="negative_elbo")}, citris_vae())
    assert sentence.startswith("vae: the held-out negative elbo was lowest at step 20 (4) and rose to 400 at step 30")


def test_a_first_score_far_off_hides_no_rise() -> None:
    (sentence,) = warnings({"flow": record(1e9, 8.53, 14.97)}, keeping("best"))
    assert "rose to 14.97" in sentence


@pytest.mark.parametrize("scores", [(10.0, 9.0, 8.0), (10.0, 8.0, 8.1, 8.05), (3.0,), (3.0, 3.0, 3.0), ()])
def test_steady_training_needs_no_word(scores: tuple[float, ...]) -> None:
    history = {"flow": record(*scores) if scores else {"criterion": "nll", "scores": []}}
    assert list(warnings(history, keeping("best"))) == []


def test_training_that_never_improved_is_spoken_of() -> None:
    (sentence,) = warnings({"flow": record(3.0, 4.0)}, keeping("best"))
    assert "lowest at step 10 (3) and rose to 4 at step 20" in sentence
