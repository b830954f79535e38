import subprocess
import sys


def test_objects_are_ignored_once():
    """The test runs in another process, because later tests of this process need the garbage collector."""
    code = """
        import gc
        from pages.session.garbage import freeze_soon
        assert gc.get_freeze_count() == 0
        freeze_soon(0.01).join()
        frozen, later = gc.get_freeze_count(), [[] for _ in range(1000)]
        assert frozen > 1000, frozen
        freeze_soon(0.01).join()
        assert gc.get_freeze_count() <= frozen, "only the first call has an effect"
    """
    subprocess.run([sys.executable, "-c", "\n".join(line.strip() for line in code.splitlines())], check=True)
