from digitcore.jobs.job import Job
from digitcore.jobs.tasks import TrainTask
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.trial import SCORES, TrialResult
from digitcore.training.settings import TrainSettings
from pages.session.sweep_recorder import MAX_ENDED, ActiveWork, SweepRecorder, forget_ended

NEVER = 3600  # s between two checks. The test calls the check itself.


def test_each_trial_is_saved_and_the_next_submitted_without_a_browser(jobs, genius, few):
    plan = SweepPlan({"batch_size": [8, 16]}, TrainSettings(epochs=2), pruner="halving")
    sweep, saved = Sweep(genius, few, plan), []
    sweep.resume(jobs, "ann")
    works = {"ann": ActiveWork("token", (), sweep, "ann", lambda: saved.append(sweep.n_ended))}
    recorder = SweepRecorder(jobs, works, lambda owner: False, NEVER)
    try:
        recorder.look()
        assert saved == []
        assert works
        for job, score in zip(jobs.submitted[:2], (0.5, 0.4), strict=True):
            job.finish(TrialResult(dict.fromkeys(SCORES, score), []))
        recorder.look()
        assert saved == [2]
        assert [job.task.settings.epochs for job in jobs.submitted] == [1, 1, 2]
        jobs.submitted[2].finish(TrialResult(dict.fromkeys(SCORES, 0.5), []))
        recorder.look()
        assert saved == [2, 3], "the session of an ended sweep does not return to this server"
        assert sweep.n_done == 2, "the session of an ended sweep does not return to this server"
        assert not works, "the session of an ended sweep does not return to this server"
    finally:
        recorder.close()


def test_one_lab_that_cannot_be_saved_does_not_end_the_thread(jobs, genius, few):
    sweep = Sweep(genius, few, SweepPlan({"batch_size": [8]}, TrainSettings()))
    works = {"ann": ActiveWork("token", (), sweep, "ann", lambda: 1 / 0, n_recorded=-1)}
    recorder = SweepRecorder(jobs, works, lambda owner: True, 0.01)
    try:
        sweep.resume(jobs, "ann")
        recorder._thread.join(0.2)
        assert recorder._thread.is_alive()
    finally:
        recorder.close()


def test_ended_trainings_of_sessions_that_left_are_forgotten(genius, few):
    def work(owner, is_ended):
        job = Job(TrainTask(genius, few, TrainSettings()), owner=owner)
        if is_ended:
            job.finish("a run")
        return ActiveWork("token", (job,), None, owner, lambda: None)

    gone = [f"gone {number}" for number in range(MAX_ENDED + 2)]
    works = {owner: work(owner, owner != "running") for owner in (gone[0], "here", "running", *gone[1:])}
    forget_ended(works, lambda owner: owner == "here")
    assert list(works) == ["here", "running", *gone[2:]]
