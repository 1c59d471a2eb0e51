"""Lays out build/pages, from which the site is built: pages of the repository, notebooks, programs, a page for each module.

Pages in the repository link to one another as files, so that they can be read there. Here each link is turned to where its
file is on the site. A file that is no page, such as a licence, comes along as it is. A link to nothing ends the build.
"""

from __future__ import annotations

import ast
import posixpath
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbconvert

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
PAGES = BUILD / "pages"
PLACES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "reporting.md",
    "docs/README.md": "overview.md",
    "examples/README.md": "examples.md",
    "tests/benchmarks/README.md": "benchmarks.md",
}
"""Where pages go that do not stand in docs/ or notebooks/."""

MODULES = (
    "ragbridge", "ragbridge.elastic", "ragbridge.chunking", "ragbridge.corpus", "ragbridge.arrow", "ragbridge.ray",
    "ragbridge.testing", "ragbridge.local", "ragbridge.server", "ragbridge.models", "ragbridge.hosts", "ragbridge.adapters",
)  # fmt: skip
"""Public modules of the core, in the order of the reference; `_published` finds those that came since."""

APART = ("ragbridge.Jina", "ragbridge.elastic.Elastic")
"""Classes with a page of their own."""

FACES = "Each method that asks the service has an awaitable twin, whose name begins with `a`: `embed` and `aembed`."

FRAMEWORKS = {
    "LangChain": "langchain_ragbridge",
    "LlamaIndex": "llama_index",
    "Haystack": "haystack_integrations",
}

STYLES = {"Haystack": "sphinx"}
"""How a framework's components write docstrings, where it is not Google's way."""

OUTPUT = re.compile(r"(?:^    .*\n(?:[ ]*\n(?=    ))*)+", re.MULTILINE)
CODE = re.compile(r"(^```.*?^```[ ]*$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def main() -> None:
    """Make build/pages anew, and the configuration beside it."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.rmtree(BUILD / "site", ignore_errors=True)
    places = dict(_places())
    for source, place in places.items():
        if source.endswith(".ipynb"):
            _write(place, _turned(_notebook(ROOT / source, place), source, places))
        else:
            _write(place, _turned((ROOT / source).read_text(encoding="utf-8"), source, places))
    programs = [path for path in sorted((ROOT / "examples").iterdir()) if path.suffix in {".py", ".yaml"}]
    with (PAGES / PLACES["examples/README.md"]).open("a", encoding="utf-8") as page:
        for path in programs:
            kind = "python" if path.suffix == ".py" else "yaml"
            page.write(f"\n## {path.name}\n\n```{kind}\n{path.read_text(encoding='utf-8').rstrip()}\n```\n")
    _reference()
    shutil.copy(Path(__file__).with_name("site.css"), PAGES / "site.css")
    (BUILD / "mkdocs.yml").write_text(_settings(), encoding="utf-8")


def _settings() -> str:
    """The configuration, with pages in its navigation that it does not name."""
    settings = Path(__file__).with_name("mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w./-]+\.md$", settings.partition("\nnav:")[2], re.MULTILINE))
    pages = {path.relative_to(PAGES).as_posix() for path in PAGES.rglob("*.md")}
    if absent := sorted(listed - pages):
        raise SystemExit(f"the nav of docs/site/mkdocs.yml lists what is not there: {', '.join(absent)}")
    for folder in ("reference", "notebooks", ""):
        more = sorted(page for page in pages - listed if posixpath.dirname(page) == folder)
        settings = re.sub(
            rf"^( *)# other pages of {folder or 'docs'}$",
            lambda mark, more=more: "\n".join(f"{mark[1]}- {page}" for page in more),
            settings,
            flags=re.MULTILINE,
        )
    return settings


def _places() -> Iterator[tuple[str, str]]:
    """Each page of the repository, and where it goes."""
    for source, place in PLACES.items():
        if (ROOT / source).exists():
            yield source, place
    for path in sorted((ROOT / "docs").glob("*.md")):
        if path.name != "README.md":
            yield f"docs/{path.name}", path.name
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        yield f"notebooks/{path.name}", f"notebooks/{path.stem}.md"


def _turned(text: str, source: str, places: dict[str, str]) -> str:
    """A page with its links as they are on the site; links in code are none."""

    def turn(found: re.Match[str]) -> str:
        path, mark, anchor = found[2].partition("#")
        if not path or ":" in path:
            return found[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        beside = posixpath.dirname(places[source])
        if (PAGES / posixpath.join(beside, path)).is_file() and not (ROOT / target).exists():
            return found[0]  # a picture of a notebook's
        place = places.get(target) or _brought(target, source)
        return found[1] + posixpath.relpath(place, beside or ".") + mark + anchor + found[3]

    parts = CODE.split(text)
    return "".join(part if CODE.fullmatch(part) else LINK.sub(turn, part) for part in parts)


def _brought(target: str, source: str) -> str:
    """Where a file goes that is no page."""
    path = ROOT / target
    if not path.is_file():
        raise SystemExit(f"{source} links to {target}, which is no file")
    place = target.removeprefix("docs/") if path.suffix in {".svg", ".png"} else f"files/{target}.txt"
    (PAGES / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, PAGES / place)
    return place


def _notebook(path: Path, place: str) -> str:
    """A notebook as it is committed, pictures beside it."""
    text, resources = nbconvert.MarkdownExporter().from_filename(
        str(path), resources={"output_files_dir": path.stem}
    )
    for name, content in resources["outputs"].items():
        file = PAGES / posixpath.dirname(place) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    parts = CODE.split(str(text))
    return "".join(part if CODE.fullmatch(part) else OUTPUT.sub(_output, part) for part in parts)


def _output(found: re.Match[str]) -> str:
    """What a cell printed, marked as such."""
    return "``` { .text .output }\n" + re.sub(r"^    ", "", found[0], flags=re.MULTILINE).rstrip() + "\n```\n"


def _reference() -> None:
    """A page for each public module of the core, and one for each framework's adapters."""
    exports = {module: _exported(module) for module in dict.fromkeys([*MODULES, *_published()])}
    for name in APART:
        _write(f"reference/{name}.md", f"# {name}\n\n{FACES}\n\n" + _entry(name))
    for module, names in exports.items():
        shown = [
            name
            for name in names
            if f"{module}.{name}" not in APART and name not in {"Elastic", "__version__"}
        ]
        _write(f"reference/{module}.md", f"# {module}\n\n" + _module(module, shown))
    for framework, folder in FRAMEWORKS.items():
        text = [f"# {framework}\n"]
        for path in sorted((ROOT / "integrations" / folder).rglob("__init__.py")):
            module = ".".join(path.parent.relative_to(ROOT / "integrations").parts)
            if names := _exported(module):
                text.append(f"## {module}\n\n" + _module(module, names, level=3, style=STYLES.get(framework)))
        _write(f"reference/{framework.lower()}.md", "\n\n".join(text))


def _published() -> Iterator[str]:
    """Modules that say that what they export is theirs."""
    core = ROOT / "core/ragbridge"
    for path in sorted([*core.glob("*.py"), *core.glob("*/__init__.py")]):
        if "\n_publish(__name__" in path.read_text(encoding="utf-8"):
            yield ".".join(path.relative_to(core.parent).with_suffix("").parts).removesuffix(".__init__")


def _exported(module: str) -> list[str]:
    """The names in a module's ``__all__``, which is read and not imported: frameworks need not be there."""
    root = ROOT / ("core" if module.startswith("ragbridge") else "integrations") / module.replace(".", "/")
    path = root / "__init__.py" if root.is_dir() else root.with_suffix(".py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                return sorted(ast.literal_eval(value))
    return []


def _module(module: str, names: list[str], *, level: int = 2, style: str | None = None) -> str:
    """What a module says of itself, then each of its names."""
    entries = [_entry(f"{module}.{name}", level=level, style=style) for name in names]
    return "\n".join([_entry(module, members=False, style=style), *entries])


def _entry(name: str, *, level: int = 0, members: bool = True, style: str | None = None) -> str:
    """A name with all that it says and has, under a heading unless ``level`` is 0."""
    options = {"show_root_heading": "true", "show_root_toc_entry": "true", "heading_level": str(level)}
    if not level:
        options = {"members_order": "alphabetical"}
    if not members:
        options["members"] = "false"
    if style:
        options |= {"docstring_style": style, "docstring_options": "{}"}
    return f"::: {name}\n    options:\n" + "".join(
        f"      {key}: {value}\n" for key, value in options.items()
    )


def _write(place: str, text: str) -> None:
    path = PAGES / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
