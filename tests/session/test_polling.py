from digitcore.jobs.job import Job, JobStatus
from pages.session.polling import FAST, SLOW, polling_interval


def test_a_running_job_is_polled_more_often_than_a_waiting_one():
    job = Job(None)
    assert polling_interval(None) is None and polling_interval(job) == SLOW
    job.status = JobStatus.RUNNING
    assert polling_interval(job) == FAST < SLOW
