"""Measure which share of the mutants of `digitcore/storage` the tests kill, on a random sample.

    python benchmarks/mutants.py [--mutants 250] [--seed 0]

A mutant is the code with one small change, for example `<=` instead of `<`. It is killed if a test fails. mutmut is no
dependency: run this in an environment that has mutmut and the packages of the tests. Its settings are in `pyproject.toml`. The
mutants are tried in random order, so that an interrupted run is a random sample, too. A second run with the same seed continues.
A mutant that no selected test reaches counts as not killed.
"""

import argparse
import collections
import hashlib
import json
from pathlib import Path

import mutmut.__main__ as mutmut

RESULTS = Path("mutants/digitcore/storage")
NOT_KILLED = {0: "survived", 5: "no test reaches it", 33: "no test reaches it"}  # exit codes of mutmut


def rank(name: str, seed: int) -> str:
    """Return the place of a mutant in the random order."""
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()


def try_mutants(n_mutants: int, seed: int) -> None:
    """Try mutants in random order."""
    tried = iter(range(n_mutants + 1))

    def stop_after_last(*_: object, force_output: bool = False) -> None:
        if next(tried, None) is None and not force_output:
            raise KeyboardInterrupt  # mutmut ends, and keeps the results.

    mutmut.estimated_worst_case_time = lambda name: rank(name, seed)  # mutmut sorts the mutants by it.
    mutmut.print_stats = stop_after_last  # mutmut calls it before each mutant.
    mutmut._run((), 1)


def read_sample(seed: int) -> dict[str, int]:
    """Return the exit codes of the mutants by name, in random order, up to the first mutant that was not tried."""
    codes: dict[str, int | None] = {}
    for file in RESULTS.glob("*.meta"):
        codes |= json.loads(file.read_text())["exit_code_by_key"]
    found = {}
    for name in sorted(codes, key=lambda name: rank(name, seed)):
        if (code := codes[name]) is None:
            break
        found[name] = code
    return found


def print_score(codes: dict[str, int]) -> None:
    """Print the score, the score of each module, and the mutants that were not killed."""
    # Imported here, because mutmut must be the first that imports the package.
    from digitcore.evaluation.score import Score
    from digitcore.values import percent

    tried = collections.Counter(name.split(".")[2] for name in codes)
    killed = collections.Counter(name.split(".")[2] for name, code in codes.items() if code not in NOT_KILLED)
    for module in sorted(tried):
        print(f"{module}: {killed[module]} of {tried[module]}")
    score = Score.from_counts(killed.total(), tried.total())
    interval = " to ".join(percent(share, 1) for share in score.interval)
    print(f"all: {score.correct} of {score.n}, {percent(score.accuracy, 1)} (95 % interval {interval})\n")
    for name, code in codes.items():
        if code in NOT_KILLED:
            print(f"{name}: {NOT_KILLED[code]}")


def main():
    """Try the mutants, and print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try_mutants(arguments.mutants, arguments.seed)
    print_score(read_sample(arguments.seed))


if __name__ == "__main__":
    main()
