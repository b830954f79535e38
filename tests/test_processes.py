import _multiprocessing
import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from digitcore.jobs.cluster import NO_TRACKER_WARNING
from digitcore.processes import RESOURCE_TRACKER, kill_by_environment

TIMEOUT = 60  # s, maximum duration of a subprocess


def run(code):
    """Run Python code in a subprocess and return its result. Standard output is written to a separate pipe."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False)


def test_process_ends_with_the_given_status_when_its_parent_has_ended():
    result = run("""
        import threading
        from digitcore.processes import end_with_parent

        end_with_parent(-1, exit_status=7)  # No process has this id, so the parent has ended.
        threading.Event().wait()
    """)
    assert result.returncode == 7


def test_children_end_before_the_last_call():
    result = run("""
        import subprocess, sys, threading
        import psutil
        from digitcore.processes import end_with_parent

        child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
        print(child.pid, flush=True)
        end_with_parent(-1, before_exit=lambda: print(psutil.pid_exists(child.pid), flush=True))
        threading.Event().wait()
    """)
    pid, is_alive = result.stdout.split()
    assert is_alive == "False"
    assert not psutil.pid_exists(int(pid))


def test_process_continues_while_its_parent_runs():
    result = run("""
        import os, threading
        from digitcore import processes

        checks, getppid = threading.Semaphore(0), os.getppid

        def count_checks():
            checks.release()
            return getppid()

        processes.PARENT_INTERVAL, os.getppid = 0, count_checks
        processes.end_with_parent(getppid(), exit_status=7)
        for _ in range(5):
            checks.acquire()
        print("alive", flush=True)
    """)
    assert result.stdout == "alive\n"
    assert result.returncode == 0


def test_process_ends_when_its_parent_is_killed():
    grandchild = """
import os, threading
from digitcore.processes import end_with_parent
end_with_parent(os.getppid())
print(os.getpid(), flush=True)
threading.Event().wait()
"""
    parent_code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with subprocess.Popen([sys.executable, "-c", parent_code, grandchild], stdout=subprocess.PIPE, text=True) as parent:
        watched = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        assert not psutil.wait_procs([watched], timeout=TIMEOUT)[1]


def test_a_process_that_ends_with_its_parent_leaves_no_message_and_no_semaphore():
    """Python's resource tracker removes the semaphores. It printed tracebacks when it was killed and started again."""
    code = """
import multiprocessing, os, threading
from digitcore.processes import end_with_parent

queue = multiprocessing.get_context("spawn").Queue()
print(queue._rlock._semlock.name, flush=True)
end_with_parent(-1)
threading.Event().wait()
"""
    environment = os.environ | {"PYTHONWARNINGS": NO_TRACKER_WARNING}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert result.stderr == ""  # The pipe ends when the tracker has ended.
    with pytest.raises(FileNotFoundError):
        _multiprocessing.sem_unlink(result.stdout.strip())


def test_processes_are_killed_by_their_environment_except_the_resource_tracker():
    code = "import sys; sys.stdin.read()"
    arguments = {"a": ["-c", code], "b": ["-c", code], "c": ["-c", code, RESOURCE_TRACKER]}
    values = {"a": "cluster", "b": "other cluster", "c": "cluster"}
    started = {
        name: subprocess.Popen([sys.executable, *arguments[name]], env=os.environ | {"DIGITLAB_TEST": values[name]}, stdin=-1)
        for name in values
    }
    kill_by_environment("DIGITLAB_TEST", "cluster")
    assert started["a"].wait(TIMEOUT) == -signal.SIGKILL
    for name in ("b", "c"):
        started[name].communicate(b"")
        assert started[name].returncode == 0
