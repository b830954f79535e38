from dataclasses import replace

import pytest

from digitcore.models.bundle import TrainingData
from pages.session.training_data import training_data, training_data_sentence


@pytest.mark.parametrize(
    ("data", "phrase"),
    [
        (TrainingData(), ""),
        (TrainingData(drawings=1), "your 1 drawing"),
        (TrainingData(drawings=20, mnist_digits=1500), "your 20 drawings and 1,500 MNIST digits"),
        (
            TrainingData(0, 500, 15_000, 5_000, 8_000, 0.35),
            "500 MNIST digits, 15,000 synthetic digits, 5,000 pen digits and 8,000 non-digit images; 35 % of the images are "
            "corrupted, others in each epoch",
        ),
        (
            TrainingData(drawings=2, pen_digits=30, corrupted_share=0.3),
            "your 2 drawings and 30 pen digits; 30 % of the images except the drawings are corrupted, others in each epoch",
        ),
        (TrainingData(drawings=2, corrupted_share=0.35), "your 2 drawings"),
    ],
)
def test_the_phrase_names_every_count_above_zero(data, phrase):
    assert training_data(data) == phrase


def test_the_sentence_of_a_shipped_model_names_its_digits(genius):
    assert training_data_sentence(genius.card).startswith("Trained on 55,000 MNIST digits")


def test_the_sentence_of_random_weights_says_that_they_are_not_trained(untrained):
    assert training_data_sentence(untrained.card) == "Random weights, not trained yet."


def test_the_sentence_of_an_imported_model_says_that_its_data_is_unknown(genius):
    imported = replace(genius.card, training_data=TrainingData())
    assert training_data_sentence(imported) == "Imported from a file. The training data is unknown."
