"""Comparison of labs."""

import numpy as np

from digitcore.storage.snapshot import LabSnapshot


def assert_equal(first: LabSnapshot, second: LabSnapshot) -> None:
    """Assert that two labs have equal content."""
    for name in ("digits", "labels", "held_out", "is_example"):
        assert np.array_equal(getattr(first.samples, name), getattr(second.samples, name))
    assert (first.samples.strokes, first.samples.dates) == (second.samples.strokes, second.samples.dates)
    assert first.samples.first_predictions == second.samples.first_predictions
    assert [record.to_dict() for record in first.runs] == [record.to_dict() for record in second.runs]
    assert [record.run.resume_state for record in first.runs] == [record.run.resume_state for record in second.runs]
    assert [model.card for model in first.uploads] == [model.card for model in second.uploads]
    assert first.bundles().keys() == second.bundles().keys()
    assert first.preferences == second.preferences
    assert first.sweep == second.sweep
    assert [(one.name, one.date) for one in first.versions] == [(one.name, one.date) for one in second.versions]
    assert [one.samples.identities() for one in first.versions] == [one.samples.identities() for one in second.versions]
