"""Fixtures for a session without Streamlit: real models and predictors, and a job service that runs no jobs."""

import pytest

from digitcore.jobs.job import Job
from digitcore.jobs.limits import Limits
from digitcore.models import registry
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session.lab_session import LabSession
from pages.session.server_resources import ServerResources
from pages.session.training_state import Start


class RecordingJobs:
    """A job service that checks limits and records the jobs. The test decides their outcome."""

    is_closed = False
    capacity = 1

    def __init__(self):
        self.limits, self.submitted = Limits(), []

    def submit(self, task, *, owner=""):
        job = Job(task.with_limits(self.limits), owner=owner)
        self.submitted.append(job)
        return job


@pytest.fixture
def jobs():
    return RecordingJobs()


@pytest.fixture
def resources(jobs, genius, untrained):
    shipped = {"genius": genius, "untrained": untrained, "plain": registry.load("plain")}
    results = {}
    return ServerResources(
        jobs=lambda: jobs,
        shipped=shipped.__getitem__,
        shipped_names=registry.names,
        usable_names=lambda: list(shipped),
        probabilities=lambda bundle, digits: bundle.predictor().probabilities(digits),
        results=lambda: results,
    )


@pytest.fixture
def session(resources):
    """Return a session that teaches the expert."""
    made = LabSession(resources, owner="ann")
    made.training.choose_start(Start.PRETRAINED)
    return made


@pytest.fixture
def finish_training(session):
    """Return a function that finishes the session's training with a model."""

    def finish(model, start):
        session.training_job.finish(Run(model, model.card.history, TrainSettings(), start.name, 1.0))
        return session.collect()

    return finish
