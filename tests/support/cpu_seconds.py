"""A pytest plugin that prints the CPU seconds of each test module and of the slowest tests.

Use it with `pytest -p tests.support.cpu_seconds`, in one process. In contrast to the durations that pytest prints, CPU seconds
hardly depend on what else runs on the machine. They include the processes that a test starts: servers, workers and browsers.
"""

import collections
import os

import psutil
import pytest

N_TESTS = 40


class CpuSeconds:
    """The CPU seconds of each test, of its own process and of the processes below it."""

    def __init__(self):
        self.tests: dict[str, tuple[float, float]] = {}
        self._last = self._measure()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        outcome = yield
        now = self._measure()
        below = max(0.0, now[1] - self._last[1])  # Nobody knows the seconds of a process that was killed with its parent.
        self.tests[item.nodeid] = (now[0] - self._last[0], below)
        self._last = now
        return outcome

    def _measure(self) -> tuple[float, float]:
        """Return the seconds of this process, and those of all processes below it, ended or not."""
        times = os.times()
        below = times.children_user + times.children_system
        for process in psutil.Process().children(recursive=True):
            try:
                below += sum(process.cpu_times()[:4])
            except psutil.NoSuchProcess:
                continue
        return times.user + times.system, below

    def pytest_terminal_summary(self, terminalreporter):
        modules = collections.defaultdict(list)
        for test, seconds in self.tests.items():
            modules[test.split("::")[0]].append(seconds)
        rows = [(name, len(found), *map(sum, zip(*found, strict=True))) for name, found in modules.items()]
        terminalreporter.section("CPU seconds of the process and of the processes below it")
        for name, number, own, below in sorted(rows, key=lambda row: -row[2] - row[3]):
            terminalreporter.write_line(f"{own:7.1f} {below:7.1f}  {number:4} tests  {name}")
        own, below = self._last[0], sum(below for _, below in self.tests.values())
        terminalreporter.write_line(f"{own:7.1f} {below:7.1f}  {len(self.tests):4} tests  with collection")
        for test, (own, below) in sorted(self.tests.items(), key=lambda item: -sum(item[1]))[:N_TESTS]:
            terminalreporter.write_line(f"{own:7.1f} {below:7.1f}  {test}")


def pytest_configure(config):
    config.pluginmanager.register(CpuSeconds())
