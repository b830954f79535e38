"""A session without Streamlit: real models and predictors, a job service that runs nothing."""

import pytest

from digitcore.jobs.job import Job
from digitcore.jobs.limits import Limits
from digitcore.models import registry
from pages.session.lab_session import LabSession
from pages.session.server_resources import ServerResources


class RecordingJobs:
    """Takes tasks within its limits, and leaves their outcome to the test."""

    is_closed = False

    def __init__(self):
        self.limits, self.submitted = Limits(), []

    def submit(self, task, *, owner="", priority=0):
        job = Job(task.with_limits(self.limits), owner=owner, priority=priority)
        self.submitted.append(job)
        return job


@pytest.fixture
def jobs():
    return RecordingJobs()


@pytest.fixture
def services(jobs, genius, untrained):
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
def session(services):
    return LabSession(services, owner="ann")
