"""The version of the code on the card of a model."""

import subprocess

import digitcore
from digitcore import code_version


def test_the_commit_of_a_checkout_is_named(monkeypatch, tmp_path):
    def version_in(folder):
        monkeypatch.setattr(code_version, "CHECKOUT", folder)
        code_version.code_version.cache_clear()
        return code_version.code_version()

    def git(*arguments):
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True)

    assert version_in(tmp_path) == digitcore.__version__
    git("init", "--quiet")
    assert version_in(tmp_path) == digitcore.__version__, "there is no commit yet"
    (tmp_path / "digitcore").mkdir()
    (tmp_path / "digitcore" / "a.py").write_text("1")
    git("add", "digitcore")
    git("commit", "--quiet", "-m", "first")
    version = version_in(tmp_path)
    assert version.startswith(f"{digitcore.__version__}+")
    assert not version.endswith(".changed")
    (tmp_path / "digitcore" / "a.py").write_text("2")
    assert version_in(tmp_path) == f"{version}.changed"
    code_version.code_version.cache_clear()
