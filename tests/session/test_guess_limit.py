from pages.session.guess_limit import GuessLimit


def test_wrong_codes_of_an_address_are_limited():
    guesses = GuessLimit(per_address=2, per_server=3, minutes=60)
    assert not guesses.is_exceeded("a")
    for _ in range(2):
        guesses.count("a")
    assert guesses.is_exceeded("a")
    assert not guesses.is_exceeded("b")
    guesses.count("b")
    assert guesses.is_exceeded("b"), "the limit of the server is exceeded"
