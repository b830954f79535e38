from pages.session.live_budget import MAX_DELAY, OVERHEAD, LiveBudget


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_the_used_time_is_followed_by_a_pause():
    clock = Clock()
    budget = LiveBudget(0.5, clock)
    assert budget.delay() == 0
    assert not budget.is_spent
    budget.spend(0.1 - OVERHEAD)
    assert round(budget.delay(), 6) == 0.2
    clock.now += 0.15
    assert round(budget.delay(), 6) == 0.05
    clock.now += 10
    budget.spend(0.1 - OVERHEAD)
    assert round(budget.delay(), 6) == 0.2, "nothing was saved up"


def test_a_browser_that_does_not_wait_gets_no_prediction():
    budget = LiveBudget(0.5, Clock())
    budget.spend(MAX_DELAY / 2)
    assert budget.is_spent


def test_a_share_of_zero_gives_no_predictions():
    budget = LiveBudget(0)
    budget.spend(1)
    assert budget.is_spent
    assert budget.delay() == 0
