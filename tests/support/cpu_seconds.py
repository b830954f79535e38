"""A pytest plugin that prints the CPU seconds of each test module and of the most expensive tests, beside their wall time.

Use it with `pytest -p tests.support.cpu_seconds`. In contrast to the durations that pytest prints, CPU seconds do not count
waiting. They include the processes that a test starts: servers, workers and browsers. On a busy machine they increase, for some
browser tests to twice the value, so compare only runs with the same number of processes.
"""

import collections
import os
import time

import psutil
import pytest

N_TESTS = 120
HEADER = "CPU seconds of the process, of the processes below it, and wall seconds"


class CpuSeconds:
    """The CPU seconds of each test, of its own process and of the processes below it, and its wall time."""

    def __init__(self):
        self.tests: dict[str, tuple[float, float, float]] = {}
        self._last = self._measure()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        outcome = yield
        now = self._measure()
        own, below, wall = (after - before for after, before in zip(now, self._last, strict=True))
        self.tests[item.nodeid] = (own, max(0.0, below), wall)  # The seconds of a process killed with its parent are not known.
        self._last = now
        return outcome

    def _measure(self) -> tuple[float, float, float]:
        """Return the CPU seconds of this process and of all processes below it, ended or not, and the time."""
        times = os.times()
        below = times.children_user + times.children_system
        for process in psutil.Process().children(recursive=True):
            try:
                below += sum(process.cpu_times()[:4])
            except psutil.NoSuchProcess:
                continue
        return times.user + times.system, below, time.monotonic()

    def pytest_sessionfinish(self, session):
        """Send the seconds from a process of pytest-xdist to the process that prints them."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["cpu_seconds"] = self.tests

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        """Take the seconds of a process of pytest-xdist that has ended."""
        self.tests |= getattr(node, "workeroutput", {}).get("cpu_seconds", {})

    def pytest_terminal_summary(self, terminalreporter):
        modules = collections.defaultdict(list)
        for test, seconds in self.tests.items():
            modules[test.split("::")[0]].append(seconds)
        rows = [(f"{len(found):4} tests  {name}", _sum(found)) for name, found in modules.items()]
        rows = [(f"{len(self.tests):4} tests", _sum(self.tests.values())), *_descending(rows)]
        terminalreporter.section(HEADER)
        for name, (own, below, wall) in [*rows, *_descending(self.tests.items())[:N_TESTS]]:
            terminalreporter.write_line(f"{own:7.1f} {below:7.1f} {wall:7.1f}  {name}")


def _sum(rows):
    return tuple(map(sum, zip(*rows, strict=True))) or (0.0, 0.0, 0.0)


def _descending(rows):
    """Return the rows in the order of their CPU seconds, the largest first."""
    return sorted(rows, key=lambda row: -row[1][0] - row[1][1])


def pytest_configure(config):
    config.pluginmanager.register(CpuSeconds())
