"""Write the parts of the documentation that are generated from the code: python docs/write_tables.py"""

import re
from collections.abc import Callable
from pathlib import Path

from digitcore.checks import CHECKS
from digitcore.config import Config, variable_name
from digitcore.lessons import LESSONS
from digitcore.training import settings_text
from pages.session.settings_link import LESSON_PARAMETER

FOLDER = Path(__file__).resolve().parent
TRAIN_PAGE = "http://localhost:8501/Train"
DEFAULTS_IN_WORDS = {
    "dask_scheduler_address": "none",
    "cache": "the user's data and cache folders",
    "store": "an SQLite file in the user's data folder",
    "api_token": "none",
    "embedders": "none",
    "cors_origins": "none",
}


def environment_variables() -> str:
    """Return a Markdown table of the fields of `Config`."""
    rows = ["| environment variable | default | meaning |", "|---|---|---|"]
    for name, field in Config.model_fields.items():
        default = int(field.default) if isinstance(field.default, bool) else field.default
        words = DEFAULTS_IN_WORDS.get(name, f"{default:,}" if isinstance(default, int) else str(default))
        rows.append(f"| `{variable_name(name)}` | {words} | {field.description} |")
    return "\n".join(rows)


def lessons() -> str:
    """Return a section for each lesson, with its question, its link and the measured answer."""
    sections = [
        f"## {number}. {lesson.title}\n\n{lesson.question}\n\n"
        f"[Open this lesson]({TRAIN_PAGE}?{LESSON_PARAMETER}={number})\n\n{lesson.answer}"
        for number, lesson in enumerate(LESSONS, start=1)
    ]
    return "\n\n".join(sections)


def checks() -> str:
    """Return a section for each check."""
    return "\n\n".join(
        f"## {check.id} {check.title}\n\n- **Issue**: {check.rule}\n- **Why**: {check.reason}\n- **What to do**: {check.tip}"
        for check in CHECKS
    )


GENERATED: dict[str, tuple[str, Callable[[], str]]] = {  # file → pattern of the generated part, function that returns the part
    "checks.md": (r"(?<=\n\n)(## D01 .*|\Z)", checks),
    "deployment.md": (r"^\| environment variable \|.*?(?=\n\n)", environment_variables),
    "lessons.md": (r"(?<=\n\n)(## 1\. .*|\Z)", lessons),
    "settings.md": (r"^\| setting \|.*?(?=\n*\Z)", settings_text.as_markdown),
}


def renew(name: str) -> str:
    """Return the text of a file in docs/ with its generated part renewed."""
    pattern, make = GENERATED[name]
    text, part = (FOLDER / name).read_text(encoding="utf-8"), make()
    renewed = re.sub(pattern, lambda _: part, text, count=1, flags=re.MULTILINE | re.DOTALL)
    return renewed.rstrip() + "\n"


def main() -> None:
    """Write each file whose generated part has changed."""
    for name in GENERATED:
        (FOLDER / name).write_text(renew(name), encoding="utf-8")


if __name__ == "__main__":
    main()
