from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ragbridge.cli import files
from ragbridge.cli.search import SHOWN_LINES, _lines, cut, hits_of
from ragbridge.local import Engine
from ragbridge.server import running

NOTICE = "using the embedded engine"


def test_search_prints_path_line_scores_and_passage(ragbridge: Any, library: Path) -> None:
    """The best passage comes first, with the place where it begins, on standard output alone."""
    done = ragbridge("search", library, "how do I cook onions", "--top", 2)
    assert done.returncode == 0, done.stderr
    first, second, *_ = done.stdout.splitlines()
    place, score = first.split("  ", 1)
    assert place == f"{library / 'notes' / 'cooking.md'}:5"
    assert 0 < float(score.split()[0]) <= 1
    assert "retrieved by" in first
    assert second == "    # Soup"
    assert "\x1b" not in done.stdout


def test_search_says_once_that_the_engine_is_embedded_and_what_was_left_out(
    ragbridge: Any, library: Path
) -> None:
    """Notes go to standard error: one about the missing key, one about files that were not read."""
    done = ragbridge("search", library, "capital of Portugal")
    assert done.stderr.count(NOTICE) == 1
    assert "JINA_API_KEY" in done.stderr
    assert (
        "left out: 1 binary, 1 hidden, 1 larger than 2 MiB, "
        f"1 not UTF-8 ({library / 'latin.txt'}), 1 of another kind\n" in done.stderr
    )
    assert ".git" not in done.stdout


def test_search_json_is_all_that_standard_output_has(in_process: Any, library: Path) -> None:
    """--json: one object, whose lines are where the passages begin."""
    done = in_process(
        "search", library / "waits.py", library / "cities.txt", "sleep a while", "--json", "--top", 1
    )
    found = json.loads(done.stdout)
    (result,) = found["results"]
    assert found["query"] == "sleep a while"
    assert set(result) == {"path", "line", "score", "similarity", "text"}
    assert result["path"].endswith("waits.py")
    lines = (library / "waits.py").read_text().splitlines()
    assert result["text"].startswith(lines[result["line"] - 1].strip())


def test_search_finds_in_other_scripts_without_icu(ragbridge: Any, tmp_path: Path) -> None:
    """Without the extra icu text beyond ASCII is searched all the same."""
    path = tmp_path / "köche.py"
    path.write_text(
        'def kochen():\n    """Die Zwiebeln dünsten, später würzen."""\n\n\ndef фу():\n    pass\n' * 40
    )
    without = "import sys; sys.modules['icu4py'] = sys.modules['regex'] = None"
    done = ragbridge("search", path, "Zwiebeln dünsten", before=without)
    assert done.returncode == 0, done.stderr
    assert "Zwiebeln" in done.stdout


def test_files_cannot_steer_the_terminal(in_process: Any, tmp_path: Path) -> None:
    """Escape sequences in a file are shown as replacement characters."""
    (tmp_path / "evil.txt").write_text("onions \x1b[31mred\x1b[0m onions \x07 [bold]brackets[/bold]")
    done = in_process("search", tmp_path / "evil.txt", "onions")
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "[bold]brackets[/bold]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nowhere.txt", "a query"], 2, "does not exist"),
        ([], 2, "Missing argument 'PATH... QUERY'"),
        (["{library}"], 2, "the query is missing: ragbridge search {library} "),
        (["{library}", "{library}/cities.txt"], 2, "the query is missing"),
        (["who knows?"], 2, 'where to look is missing: ragbridge search PATH... "who knows?"'),
        (["{library}", "how", "are", "limits", "shared"], 2, "how does not exist; a query of several words"),
        (["{library}", "  "], 2, "query is empty"),
        (["{library}", "q", "--top", "0"], 2, "--top"),
        (["{library}", "q", "--local", "--base-url", "http://127.0.0.1:1"], 2, "exclude each other"),
        (["{library}/image.txt", "a query"], 1, "no text in"),
        (["{library}/cities.txt", "q", "--limits", "huge"], 1, "'free', 'paid', 'premium'"),
        (["{library}/cities.txt", "q", "--base-url", "https://api.jina.ai"], 1, "JINA_API_KEY"),
    ],
)
def test_errors_are_one_clear_text_and_a_code(
    in_process: Any, library: Path, arguments: list[str], code: int, says: str
) -> None:
    """2 for wrong usage, 1 for anything else; standard output stays empty and no traceback is shown."""
    done = in_process("search", *(argument.format(library=library) for argument in arguments))
    assert done.returncode == code
    assert says.format(library=library) in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("how are limits shared?", {"limits", "limited", "Limit", "shared"}),
        ("cooking", {"cook", "cooked"}),
        ("what is the", set()),
        ("C++ (or C#)?", set()),
    ],
)
def test_words_of_the_query_are_found(query: str, marked: set[str]) -> None:
    """Those that count, in other forms as well; signs of expressions are letters like others."""
    hits = hits_of(query)
    text = "limits limited Limit shared unlimited cook cooked what is the C++ or"
    assert (set(hits.findall(text)) if hits else set()) == marked


def test_a_terminal_gets_lines_of_whole_words_around_the_hit() -> None:
    """No line is wider, no word is cut, the first hit is among them, and what is left out is marked."""
    text = (
        "\n".join(f"line {n} of many words that go on and on" for n in range(20))
        + "\nthe onion is here\nend\n" * 9
    )
    console = Console(width=24, force_terminal=True)
    shown, begun = _lines(text, 20, hits_of("onions"), console)
    lines = [line.plain for line in shown]
    assert begun
    assert len(lines) <= SHOWN_LINES
    assert all(len(line) <= 20 for line in lines)
    assert any("onion" in line for line in lines)
    assert lines[-1].endswith("…")
    assert set(" ".join(lines).replace("…", " ").split()) <= set(text.split())


def test_a_refusal_is_one_line(in_process: Any, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the service refuses ends in exit code 1 and a message that does not hold the key."""
    monkeypatch.setenv("JINA_API_KEY", "wrong-key-0123456789")
    with running(Engine(api_keys=["sesame"])) as address:
        done = in_process("search", library / "cities.txt", "q", "--base-url", address, "--limits", "premium")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "401 AUTH_INVALID_API_KEY" in done.stderr
    assert "wrong-key" not in done.stderr


def test_a_key_chooses_the_service_without_a_word(
    in_process: Any, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key in the environment requests carry it, and nothing is said about the embedded engine."""
    monkeypatch.setenv("JINA_API_KEY", "sesame")
    with running(Engine(api_keys=["sesame"])) as address:
        done = in_process("search", library / "cities.txt", "Portugal", "--base-url", address)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Lisbon" in done.stdout


def test_local_wins_over_a_key(in_process: Any, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--local uses the embedded engine whatever the environment holds, and who asked for it is not told so."""
    monkeypatch.setenv("JINA_API_KEY", "sesame")
    done = in_process("search", library / "cities.txt", "Portugal", "--local")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Lisbon" in done.stdout


def test_each_file_is_read_once_in_a_fixed_order(library: Path) -> None:
    """Overlapping paths give each file once; folders are read in the order of names."""
    found = files.read([library / "waits.py", library, library / "notes"])
    names = [source.path.name for source in found.sources]
    assert names == ["waits.py", "cities.txt", "cooking.md"]
    assert {reason: len(paths) for reason, paths in found.left_out.items()} == {
        "binary": 1,
        "hidden": 1,
        "larger than 2 MiB": 1,
        "not UTF-8": 1,
        "of another kind": 1,
    }


def test_lines_point_at_the_passage_whatever_the_line_ends(tmp_path: Path) -> None:
    """A passage begins on its line, also after blank lines, CRLF and a byte order mark."""
    paragraphs = [f"\r\n\r\nParagraph {number} " + "with many words " * 30 for number in range(6)]
    path = tmp_path / "windows.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(paragraphs).encode())
    (source,) = files.read([path]).sources
    passages = list(cut(source))
    lines = source.text.split("\n")
    assert len(passages) >= 6
    for passage in passages:
        assert lines[passage.line - 1].strip().startswith(passage.text.split("\n")[0])


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with links to itself, to its hidden files, to nowhere, and out of it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("the secret is outside")
    (outside / "deep.md").write_text("the secret is outside and deep")
    root = tmp_path / "linked"
    (root / "inner").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "secret.txt").write_text("the secret is hidden")
    (root / "inner" / "real.txt").write_text("the text is inside")
    (root / "file.txt").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "relative.md").symlink_to(Path("..", "outside", "deep.md"))
    (root / "chain.txt").symlink_to(root / "file.txt")
    (root / "hidden.txt").symlink_to(root / ".git" / "secret.txt")
    (root / "dangling.txt").symlink_to(root / "gone.txt")
    (root / "circle.txt").symlink_to(root / "circle.txt")
    (root / "again.txt").symlink_to(root / "inner" / "real.txt")
    (root / "loop").symlink_to(root)
    return root


def test_links_lead_nowhere_out_of_a_folder(linked: Path) -> None:
    """What a link in a folder leads to is read if it lies in the folder, once; nothing outside is, and that is said."""
    found = files.read([linked])
    assert [source.text for source in found.sources] == ["the text is inside"]
    assert sorted(path.name for path in found.left_out[files.OUTSIDE]) == [
        "chain.txt",
        "file.txt",
        "folder",
        "relative.md",
    ]
    assert sorted(path.name for path in found.left_out["not readable"]) == ["circle.txt", "dangling.txt"]
    assert "hidden.txt" in {path.name for path in found.left_out["hidden"]}
    assert f"4 {files.OUTSIDE} ({linked / 'chain.txt'}, " in found.notes()
    assert ", 1 more)" in found.notes()


def test_a_link_that_is_named_is_followed(linked: Path) -> None:
    """Who names a link means what it leads to, a folder too."""
    found = files.read([linked / "file.txt", linked / "folder"])
    assert sorted(source.text for source in found.sources) == [
        "the secret is outside",
        "the secret is outside and deep",
    ]


def test_search_says_which_links_it_does_not_follow(in_process: Any, linked: Path) -> None:
    """Nothing from outside is printed, and standard error has one line about it."""
    done = in_process("search", linked, "the secret", "--local")
    assert done.returncode == 0
    assert "outside" not in done.stdout
    assert done.stderr.count("left out: ") == 1
    assert str(linked / "chain.txt") in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_odd_files_in_folders_are_left_out(tmp_path: Path) -> None:
    """Pipes, devices and files without an end keep nobody waiting."""
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "text.txt").write_text("a text")
    found = files.read([tmp_path, Path("/dev/zero"), Path("/dev/full")])
    assert [source.text for source in found.sources] == ["a text"]
    assert len(found.left_out["not a regular file"]) == 3


def test_folders_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder or a file that may not be read is no silence."""
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "a.txt").write_text("unseen")
    (tmp_path / "text.txt").write_text("a text")
    scandir = os.scandir

    def refusing(path: Any) -> Any:  # the tests may run as root, who may read everything
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = files.read([tmp_path])
    assert found.left_out == {"not readable": [tmp_path / "closed"]}


def test_names_of_files_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Escape sequences in the names of what was left out are shown as replacement characters."""
    (tmp_path / "a\x1b[31m.txt").write_bytes(b"\xff")
    assert "\x1b" not in files.read([tmp_path]).notes()
