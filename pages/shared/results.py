"""What the worker finds out for the pages: asked for once, kept for all sessions by the model's hash."""

import hashlib

import numpy as np
import pandas as pd
import streamlit as st

from digitcore.errors import JobError
from digitcore.exploring import Exploration
from digitcore.jobs import DONE, WAITING
from digitcore.layers import Layer
from digitcore.models import ModelBundle
from digitcore.worker import Judged
from pages.shared import caches, frame, words
from pages.shared.lab import Lab


def judged(lab: Lab, models: dict[str, ModelBundle]) -> dict[str, Judged]:
    """Those of the models that have read MNIST's test digits; the others are asked to."""
    return _of_each(lab, "mnist", models, caches.jobs().evaluate)


def stressed(lab: Lab, models: dict[str, ModelBundle]) -> dict[str, pd.DataFrame]:
    """Those of the models that have read all spoilt digits; the others are asked to."""
    return _of_each(lab, "stress", models, caches.jobs().stress)


def known_stress(models: dict[str, ModelBundle]) -> dict[str, pd.DataFrame]:
    """Those of the models that have read all spoilt digits before; nothing is asked."""
    found = {name: caches.results().get(("stress", model.hash)) for name, model in models.items()}
    return {name: table for name, table in found.items() if table is not None}


def look_alikes(lab: Lab, model: ModelBundle, digit: np.ndarray):
    """The MNIST digits most like one, as a `neighbours.Neighbours`; None while it is searched."""
    return _find(
        lab, ("look-alikes", model.hash, _name(digit)), lambda: caches.jobs().look_alikes(model, digit[None], owner=lab.owner)
    )


def layers(lab: Lab, model: ModelBundle, digit: np.ndarray) -> list[Layer] | None:
    """What each layer makes of a digit; None while it is looked at."""
    return _find(lab, ("layers", model.hash, _name(digit)), lambda: caches.jobs().layers(model, digit, owner=lab.owner))


def onnx(lab: Lab, model: ModelBundle) -> bytes | None:
    """A model as an ONNX file; None while it is made."""
    return _find(lab, ("onnx", model.key), lambda: caches.jobs().to_onnx(model, owner=lab.owner))


def exploration(lab: Lab, seed: int) -> Exploration | None:
    """What MNIST is made of; None while it is looked at."""
    return _find(lab, ("explore", str(seed)), lambda: caches.jobs().explore(seed, owner=lab.owner))


def _name(digit):
    return hashlib.sha256(digit.tobytes()).hexdigest()


def _of_each(lab, what, models, ask):
    found = {
        name: _find(lab, (what, model.hash), lambda model=model: ask(model, owner=lab.owner)) for name, model in models.items()
    }
    return {name: result for name, result in found.items() if result is not None}


def _find(lab, key, submit):
    """The result kept under a key, or None; then it is asked for, unless asking is stopped."""
    _collect(lab)
    found = caches.results().get(key)
    if found is None and key not in lab.asked and not lab.asking_stopped:
        try:
            lab.asked[key] = submit()
        except JobError as error:
            _give_up(lab, str(error))
    return found


def _collect(lab):
    """Take over what has come; True when something has."""
    over = {key: job for key, job in lab.asked.items() if job.over}
    for key, job in over.items():
        del lab.asked[key]
        if job.state == DONE:
            caches.results()[key] = job.result
        else:
            _give_up(lab, job.error)
    return bool(over)


def _give_up(lab, why):
    lab.asking_stopped, lab.asking_notice = True, why


def show_progress(lab: Lab) -> None:
    """A bar with Stop while the worker is asked, a sentence where it failed; the page is drawn anew when something comes."""
    st.fragment(_show_progress, run_every=frame.POLL if lab.asked else None)(lab)


def _show_progress(lab):
    if _collect(lab):
        st.rerun()
    if lab.asked:
        jobs = list(lab.asked.values())
        share = sum(job.messages[-1]["share"] for job in jobs if job.messages) / len(jobs)
        bar, stop = st.columns([5, 1], vertical_alignment="bottom")
        waits = all(job.state == WAITING for job in jobs)
        bar.progress(min(1.0, share), text=words.in_line(jobs[0]) if waits else words.asking({key[0] for key in lab.asked}))
        stop.button("Stop", key="stop_asking", on_click=_stop, args=(lab,), width="stretch")
    elif lab.asking_stopped:
        told, again = st.columns([5, 1], vertical_alignment="center")
        told.warning(lab.asking_notice or "Stopped. What was read before stays.")
        again.button("Go on", key="ask_again", on_click=_go_on, args=(lab,), width="stretch")


def _stop(lab):
    for job in lab.asked.values():
        job.stop()
    lab.asked = {}
    _give_up(lab, "")


def _go_on(lab):
    lab.asking_stopped, lab.asking_notice = False, ""
