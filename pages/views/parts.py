"""What several views need: a choice of models, two models in a sentence, a table to download, one digit in full."""

import numpy as np
import pandas as pd
import streamlit as st

from digitcore import explaining, mnist
from digitcore.comparison import LUCK, Pair
from digitcore.evaluation import Evaluation
from digitcore.models import ModelBundle
from pages.shared import answer, caches, gallery, pictures, results
from pages.shared.lab import Lab

Models = dict[str, ModelBundle]
WAIT = "The figures come as soon as the digits are read."


def one(models: Models, key: str, label: str = "Model") -> str:
    """A choice of one of the models: its name; at first the second, which is the trained one where there is one."""
    names = list(models)
    if len(names) == 1:
        return names[0]
    chosen = st.segmented_control(label, names, default=names[1], required=True, key=f"{key}_{'_'.join(names)}")
    return chosen or names[1]


def pair(models: Models, key: str) -> tuple[str, str] | None:
    """A choice of two of the models, the one to start from and the other; None while there is only one."""
    names = list(models)
    if len(names) < 2:
        st.markdown("Choose a second model above to compare.")
        return None
    left, right = st.columns(2)
    first = left.selectbox("From", names, key=f"{key}_first_{'_'.join(names)}")
    others = [name for name in names if name != first]
    return first, right.selectbox("To", others, key=f"{key}_second_{'_'.join(names)}")


def table(found: pd.DataFrame, name: str, label: str = "Table") -> None:
    """A small button that opens the table behind a chart, to look at and to download as a file of this name."""
    with st.popover(label, type="tertiary"):
        st.dataframe(found, hide_index=True, key=f"table_{name}")
        st.download_button("Download (CSV)", found.to_csv(index=False), f"{name}.csv", "text/csv", key=f"download_{name}")


def test_cells(numbers: np.ndarray, judged: dict[str, Evaluation]) -> list[gallery.Cell]:
    """MNIST test digits for a gallery: the truth, and what each model makes of it."""
    digits, labels = mnist.load_test()
    return [
        gallery.Cell(int(i), digits[i], f"a {labels[i]}: {' → '.join(str(one.guesses[i]) for one in judged.values())}")
        for i in numbers[: gallery.MOST]
    ]


def in_full(digit: np.ndarray, models: Models, truth: int | None, key: str) -> None:
    """One digit: every model's ten bars, and for each the part that its guess hangs on."""
    probabilities = {name: caches.probabilities(model, digit[None])[0] for name, model in models.items()}
    with st.container(border=True, key=f"full_{key}"):
        if truth is not None:
            st.markdown(f"**This is a {truth}.**")
        bars, why = st.columns([3, 2]) if len(models) < 3 else (st.container(), st.container())
        with bars:
            answer.show(probabilities, digit, {name: model.card.unsure_below for name, model in models.items()})
        with why:
            st.markdown(
                "What the guess hangs on",
                help="A patch is wiped out, everywhere in turn. Orange: without it the guess gets less likely. "
                "Blue: without it the guess gets more likely.",
            )
            st.html(pictures.row([_why(name, model, digit, probabilities[name]) for name, model in models.items()]))


def _why(name, model, digit, probabilities):
    guess = int(probabilities.argmax())
    heat = explaining.occlusion(caches.predictor(model), digit, guess)
    return pictures.image(pictures.with_heat(digit, heat), f"{name}: a {guess}", 112)


def look_alikes(lab: Lab, model: ModelBundle, name: str, digit: np.ndarray) -> None:
    """The MNIST digits that look most like one to a model."""
    st.markdown(
        f"**The MNIST digits that look most like it to {name}**",
        help="Nearest in the network's last layer but one, among 20,000 training digits. 1.0 is as near as two MNIST digits "
        "usually are to each other.",
    )
    found = results.look_alikes(lab, model, digit)
    if found is None:
        st.caption("Looking …")
        return
    if found.distances[0, 0] > found.far:
        st.markdown(
            f"It is **far off MNIST**: the nearest is {found.distances[0, 0]:.1f} times as far as usual, and of MNIST's own "
            f"digits only one in a hundred lies beyond {found.far:.1f}. Take the guess with care, or draw it more plainly."
        )
    nearest = zip(found.pictures[0], found.labels[0], found.distances[0], strict=True)
    st.html(pictures.row([pictures.image(picture, f"a {label}, {distance:.1f}") for picture, label, distance in nearest]))


def difference(pair: Pair, first: str, second: str, what: str = "test digits") -> str:
    """Which of two models reads more, and whether that may be luck."""
    of = f"{pair.first.of:,} {what}"
    changed = f"It fixes {len(pair.fixed):,} and breaks {len(pair.broken):,}."
    if not pair.more:
        return f"Both read equally many of {of}. {second} fixes {len(pair.fixed):,} and breaks {len(pair.broken):,}."
    luck = "unlikely to be luck" if pair.p_value < LUCK else "this may be luck"
    p = f"p = {pair.p_value:.2g}" if pair.p_value >= 0.001 else "p < 0.001"
    how = f"**{abs(pair.more):,} {'more' if pair.more > 0 else 'fewer'}**"
    return f"{second} reads {how} of {of} than {first}: {luck} ({p}, McNemar's exact test). {changed}"
