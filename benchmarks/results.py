"""Measure Digit Lab and its alternatives, and write RESULTS.md.

    make bench
    python benchmarks/results.py [PART ...]

With names, only these parts are measured again, and the other sections of the file are kept. A part takes 1 to 15 minutes.
"""

import argparse
import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.support.browser import chromium

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
PARTS = {  # name → title, script and its options
    "side_by_side": ("Start, memory, pen-up to answer", ["side_by_side.py"]),
    "latency": ("Pen-up to answer while others train", ["latency.py"]),
    "convergence": ("Training from random weights", ["convergence.py"]),
    "fits": ("Training loop compared with a bare `model.fit`", ["training.py", "fits"]),
    "personalization": ("Fine-tuning on a few labelled drawings", ["personalization.py"]),
    "inference": ("Inference", ["inference.py"]),
    "growth": ("Growth", ["growth.py", "--to", str(HERE / "results")]),
    "sweeps": ("A sweep of 24 trainings with one worker and with two", ["training.py", "sweeps"]),
    "sweep_search": ("TPE compared with random draws", ["sweep_search.py"]),
    "api": ("The REST API", ["api.py"]),
    "storage": ("A large lab", ["storage.py"]),
    "devices": ("Two devices on one edit link", ["devices.py"]),
    "load": ("Thirty people drawing during a training", ["load.py"]),
}
PACKAGES = ("streamlit", "streamlit-drawable-canvas", "tensorflow-cpu", "tensorflow", "keras", "ai-edge-litert", "onnxruntime")


def machine() -> str:
    """Return a sentence about the machine and the versions of the packages."""
    model = re.search(r"model name\s*: (.+)", cpuinfo.read_text()) if (cpuinfo := Path("/proc/cpuinfo")).exists() else None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    found = {name: version for name in PACKAGES if (version := installed(name))}
    versions = ", ".join(f"{name} {version}" for name, version in found.items())
    chip = model.group(1) if model else platform.processor()
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores of {chip}, {memory:.0f} GB; "
        f"Python {platform.python_version()}, {versions}."
    )


def installed(package: str) -> str:
    """Return the version of a package, or "" if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def measured(name: str) -> str:
    """Run the script of a part and return its section of RESULTS.md."""
    title, (script, *options) = PARTS[name]
    begin = time.monotonic()
    done = subprocess.run([sys.executable, HERE / script, *options], cwd=HERE.parent, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{script} failed:\n{done.stderr}")
    said = done.stdout.strip()
    body = said if said.startswith("|") else f"```\n{said}\n```"
    minutes = (time.monotonic() - begin) / 60
    command = " ".join(["python", f"benchmarks/{script}", *(one for one in options if not one.startswith(("--", "/")))])
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return f"## {title}\n\n`{command}`, {today}, {minutes:.0f} min.\n\n{body}\n"


def sections() -> dict[str, str]:
    """Return the sections of RESULTS.md by their titles."""
    if not RESULTS.exists():
        return {}
    _, *parts = re.split(r"(?m)^(?=## )", RESULTS.read_text(encoding="utf-8"))
    return {part.partition("\n")[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}


def write(found: dict[str, str]) -> None:
    """Write the sections to RESULTS.md in the order of `PARTS`."""
    head = (
        "# Benchmark results\n\n"
        f"Written by `make bench`. {machine()}\n\n"
        "The machine is shared and its speed varies. Programs that are compared were measured in turns in one run, so the ratios "
        "hold where the times do not. [Benchmarks](../docs/benchmarks.md) explains the figures.\n"
    )
    titles = [title for title, _ in PARTS.values() if title in found]
    RESULTS.write_text("\n".join([head, *(found[title] for title in titles)]), encoding="utf-8")


def main():
    """Measure the parts, and write the file after each of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)} (default: all)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"There is no part called {', '.join(unknown)}. The parts are {', '.join(PARTS)}.")
    if chromium() is None:
        parser.error("Chromium was not found. Install the package of your system, such as Debian's “chromium”.")
    found = sections()
    for name in options.parts or PARTS:
        found[PARTS[name][0]] = measured(name)
        write(found)
        print(found[PARTS[name][0]], flush=True)


if __name__ == "__main__":
    main()
