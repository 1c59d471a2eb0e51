"""Writes the site for machines: llms.txt (a list of the pages), llms-full.txt (their text), and each page as Markdown."""

from __future__ import annotations

import re
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build"
PAGES, SITE = BUILD / "pages", BUILD / "site"
NAV = re.compile(r"^ +- (?:(?P<section>[A-Z][\w ]*):|(?P<page>[\w./-]+\.md))$", re.MULTILINE)


def main() -> None:
    """Write the files into build/site."""
    nav = (BUILD / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    front = (PAGES / "index.md").read_text(encoding="utf-8")
    summary = _first_paragraph(front)
    lines, texts = [f"# ragbridge\n\n> {summary}\n"], []
    for found in NAV.finditer(nav):
        if found["section"]:
            if found[0].index("-") == 2:
                lines.append(f"\n## {found['section']}\n")
            continue
        text = (PAGES / found["page"]).read_text(encoding="utf-8")
        (title,) = re.findall(r"\A# (.*)$", text, re.MULTILINE)
        written = not found["page"].startswith("reference/")
        lines.append(
            f"- [{title}]({found['page'] if written else _address(found['page'])}): {_first_paragraph(text)}"
        )
        if written:
            (SITE / found["page"]).parent.mkdir(parents=True, exist_ok=True)
            (SITE / found["page"]).write_text(text, encoding="utf-8")
            if found["page"] not in {"changelog.md", "contributing.md", "benchmarks.md"}:
                texts.append(text.strip())
    (SITE / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (SITE / "llms-full.txt").write_text("\n\n".join(texts) + "\n", encoding="utf-8")


def _first_paragraph(text: str) -> str:
    """What a page says of itself below its title, without links."""
    found = re.search(r"\A# [^\n]*\n\n([^#|:*<!`\s].*?)(?=\n\n|\Z)", text, re.DOTALL)
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(found[1].split())) if found else ""


def _address(page: str) -> str:
    return page.removesuffix(".md") + "/"


if __name__ == "__main__":
    main()
