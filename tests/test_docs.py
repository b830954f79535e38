"""The documentation: its links, its generated parts, and its required names."""

import importlib.util
import itertools
import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from digitcore.cli import cli

ROOT = Path(__file__).resolve().parents[1]
MAX_README_WORDS = 700
EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)")
DEFINITION = re.compile(r"^\[[^\]]+\]:\s*<?([^\s>]+)", re.MULTILINE)
HTML_LINK = re.compile(r"""\b(?:href|src)=["']([^"']+)["']""")
HTML_ANCHOR = re.compile(r"""\b(?:id|name)=["']([^"']+)["']""")
FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
PATH = re.compile(r"`((?:digitcore|pages|tests|docs|benchmarks|models)/[\w./-]*|[\w-]+\.(?:py|toml|txt|md))`")
COMMANDS = sorted(cli.commands.items())


def tracked_markdown() -> list[str]:
    """Return the paths of all Markdown files in Git; without Git, of all files outside hidden folders."""
    try:
        found = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        paths = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
        return sorted(str(path) for path in paths if not any(part.startswith(".") for part in path.parts))
    return [path for path in found.stdout.splitlines() if (ROOT / path).exists()]


@cache
def read(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a Markdown file, and the anchors of its HTML."""
    text = FENCE.sub("", read(path))
    found = set(HTML_ANCHOR.findall(text))
    for heading in HEADING.findall(text):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        numbered = (f"{slug}-{number}" for number in itertools.count(1))
        found.add(slug if slug not in found else next(name for name in numbered if name not in found))
    return found


def links(text: str) -> list[str]:
    """Return the targets of all links and images in Markdown text that are not in code."""
    prose = CODE.sub("``", FENCE.sub("", text))
    return [*LINK.findall(prose), *DEFINITION.findall(prose), *HTML_LINK.findall(prose)]


def broken_links(path: Path) -> list[str]:
    """Return the relative links of a Markdown file that point to no file, outside the repository, or to no heading."""
    broken = []
    for link in links(read(path)):
        if EXTERNAL.match(link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (path.parent / name).resolve() if name else path
        is_there = target.exists() and target.is_relative_to(ROOT if path.is_relative_to(ROOT) else path.parent)
        if not is_there or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("name", tracked_markdown())
def test_relative_links_and_anchors_exist(name):
    assert broken_links(ROOT / name) == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A `code` heading!\n\n# Twice\n\n# Twice\n\n"
        "[ok](#a-code-heading) [ok](#twice-1) [ok](page.md#twice) [ok](https://example.org/none.md#x) `[code](none.md)`\n"
        "[bad](#twice-2) [bad](none.md) ![bad](none.png) [bad](../page.md) [bad](page.md#none)\n\n"
        "[reference]: none-either.md\n\n<a href='no-page.md'>bad</a>\n\n```\n# Not a heading\n[code](none.md)\n```\n",
        encoding="utf-8",
    )
    expected = ["#twice-2", "none.md", "none.png", "../page.md", "page.md#none", "none-either.md", "no-page.md"]
    assert broken_links(page) == expected


def test_the_readme_is_short():
    assert len(read(ROOT / "README.md").split()) <= MAX_README_WORDS


def test_the_readme_links_every_page_of_the_documentation():
    linked = {link.partition("#")[0] for link in links(read(ROOT / "README.md"))}
    pages = {name for name in tracked_markdown() if name.startswith("docs/")}
    assert pages <= linked


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_the_documentation_names_every_option_of_a_command(name, command):
    page = read(ROOT / "docs" / "command-line.md")
    section = re.search(rf"^## digitlab {name}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/command-line.md has no section “digitlab {name}”"
    options = {option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}
    assert {option for option in options if f"`{option}`" not in section[1]} == set()
    assert set(re.findall(r"^\| `(--[\w-]+)`", section[1], re.MULTILINE)) <= options


def test_the_documentation_names_every_command_and_global_option():
    page = read(ROOT / "docs" / "command-line.md")
    commands = set(re.findall(r"^## digitlab (\S+)$", page, re.MULTILINE))
    assert commands == set(cli.commands)
    options = [option for parameter in cli.params for option in parameter.opts]
    assert [option for option in options if f"digitlab {option}" not in page] == []


def generator():
    """Return the module docs/write_tables.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("write_tables", ROOT / "docs" / "write_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["checks.md", "deployment.md", "lessons.md", "settings.md"])
def test_generated_parts_are_up_to_date(name):
    assert read(ROOT / "docs" / name) == generator().renew(name), "run python docs/write_tables.py"


def test_all_generated_parts_are_tested():
    assert set(generator().GENERATED) == {"checks.md", "deployment.md", "lessons.md", "settings.md"}


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_paths_in_the_text_exist(name):
    paths = set(PATH.findall(read(ROOT / name)))
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []
