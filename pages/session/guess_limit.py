"""A limit of wrong join codes, so that nobody can try all codes."""

PER_ADDRESS, PER_SERVER = 30, 300  # wrong codes in a minute. The pupils of a school often share one address.


class GuessLimit:
    """Counts the wrong join codes of the last minutes. Several threads can share it.

    Args:
        per_address: Number of wrong codes from one address after which all its codes are refused for a while.
        per_server: The same for all addresses together.
        minutes: Time in which the codes are counted.
    """

    def __init__(self, per_address: int = PER_ADDRESS, per_server: int = PER_SERVER, minutes: int = 1):
        from limits import RateLimitItemPerMinute  # Imported here because it is slow, and few sessions join a class.
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._limits = RateLimitItemPerMinute(per_address, minutes), RateLimitItemPerMinute(per_server, minutes)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def is_exceeded(self, address: str) -> bool:
        """Return whether the codes of an address are refused now."""
        return not all(self._limiter.test(limit, key) for limit, key in zip(self._limits, self._keys(address), strict=True))

    def count(self, address: str) -> None:
        """Count a wrong code."""
        for limit, key in zip(self._limits, self._keys(address), strict=True):
            self._limiter.hit(limit, key)

    @staticmethod
    def _keys(address: str) -> tuple[str, str]:
        return f"address {address}", "server"
