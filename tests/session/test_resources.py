from pages.session import resources


def test_a_sweep_belongs_to_its_session(monkeypatch):
    class Runtime:
        def is_active_session(self, session):
            return session == "ann"

    monkeypatch.setattr(resources.runtime, "exists", lambda: True)
    monkeypatch.setattr(resources.runtime, "get_instance", Runtime)
    now = [0.0]
    monkeypatch.setattr(resources.time, "monotonic", lambda: now[0])
    assert resources.is_present("ann") and resources.is_present("ann/sweep")
    assert resources.is_present("bob/sweep"), "seen for the first time"
    now[0] += resources.RECONNECT_SECONDS + 1
    assert resources.is_present("ann/sweep") and not resources.is_present("bob/sweep")


def test_without_a_server_everybody_is_present():
    assert resources.is_present("anybody")
