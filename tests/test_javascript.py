"""The scripts that predict in the browser. Node.js runs their own tests."""

import re

from tests.support.javascript import run_node


def test_scripts_pass_their_own_tests():
    ended = run_node("--test")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"\bpass [1-9]", ended.stdout), "the tests were found"
