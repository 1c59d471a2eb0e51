"""The site in a real browser: what a reader would stumble over, on a desk and on a phone. ``make test-docs`` builds it before."""

from __future__ import annotations

import functools
import http.server
import json
import posixpath
import shutil
import threading
import urllib.parse
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

SITE = Path(__file__).parents[2] / "build/site"
PAGES = sorted(path.relative_to(SITE).parent.as_posix() for path in SITE.rglob("index.html"))
PHONE, DESK = 390, 1280
SECONDS = 20
"""For what a script of the page does a moment later."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing: requests are read in the browser's own log."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The site on a free port of loopback."""
    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Chromium as the system has it: nothing is downloaded for it, and it asks nobody by itself."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(flag)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def resized(browser: webdriver.Chrome, width: int) -> None:
    """The screen has that many pixels from here on."""
    screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def opened(browser: webdriver.Chrome, url: str, width: int) -> None:
    """A page on a screen of that many pixels."""
    resized(browser, width)
    browser.get(url)


class Links(HTMLParser):
    """The addresses and anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.to: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.to |= {value for name in ("href", "src") if (value := found.get(name)) and tag != "base"}
        self.anchors |= {value for name in ("id", "name") if (value := found.get(name))}


@functools.cache
def links(page: str) -> Links:
    return Links((SITE / page / "index.html").read_text(encoding="utf-8"))


def test_no_link_within_the_site_is_broken() -> None:
    """Every page, file and anchor that a page names is there."""
    broken = []
    for page in PAGES:
        for link in links(page).to:
            scheme, host, path, _, anchor = urllib.parse.urlsplit(link)
            if scheme or host:
                continue
            target = posixpath.normpath(posixpath.join(page, urllib.parse.unquote(path))) if path else page
            folder = (SITE / target).is_dir()
            there = (SITE / target / "index.html").is_file() if folder else (SITE / target).is_file()
            known = links(target).anchors if folder and there else {anchor}
            if not there or (
                anchor and not anchor.startswith("__") and urllib.parse.unquote(anchor) not in known
            ):
                broken.append(f"{page}: {link}")
    assert broken == []


def test_pages_read_well_on_a_desk_and_on_a_phone(browser: webdriver.Chrome, address: str) -> None:
    """Each page: no line wider than the screen, every picture drawn, no markup left over, no complaint of the browser's."""
    faults = []
    for page in PAGES:
        opened(browser, f"{address}/{page}/", DESK)
        for width in (DESK, PHONE):
            resized(browser, width)
            wide, undrawn, raw = browser.execute_script(
                """
                const wide = document.documentElement.scrollWidth - window.innerWidth;
                const images = [...document.images].filter(i => !(i.complete && i.naturalWidth)).map(i => i.src);
                const blocks = [...document.querySelectorAll("article p, article li")].map(b => b.innerText);
                const raw = blocks.filter(t => /^([*-] |\\|.*\\|$|#+ |```)|^>>> |\\n[*-] /m.test(t));
                return [wide, images, raw];
                """
            )
            complaints = [entry["message"] for entry in browser.get_log("browser")]
            for fault in ([f"{wide} px too wide"] if wide > 0 else [], undrawn, raw, complaints):
                faults.extend(f"{page} at {width}: {text}" for text in fault)
    assert faults == []


def test_no_page_asks_anybody_else(browser: webdriver.Chrome, address: str) -> None:
    """Fonts, scripts and pictures come with the site, so that it works where there is no network."""
    browser.get_log("performance")
    for page in (
        ".",
        "limits",
        "reference/ragbridge.Jina",
        *(page for page in PAGES if page.startswith("notebooks/")),
    ):
        opened(browser, f"{address}/{page}/", DESK)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert any(url.startswith(f"{address}/limits/") for url in asked)
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("splitters late", "frameworks/"),
        ("premium", "limits/"),
        ("embed_multivector", "reference/ragbridge.Jina/"),
    ],
)
def test_search_finds_a_page(browser: webdriver.Chrome, address: str, words: str, page: str) -> None:
    """From the front page, by words of a guide and by the name of a method."""
    opened(browser, f"{address}/", DESK)
    wait = WebDriverWait(browser, SECONDS, ignored_exceptions=[WebDriverException])
    wait.until(lambda b: b.find_element(By.CSS_SELECTOR, "button.md-search__button").click() or True)
    hosts = (
        "return [...document.querySelectorAll('*')].find(node => node.shadowRoot?.querySelector('dialog'))"
    )
    found = wait.until(lambda b: b.execute_script(hosts)).shadow_root
    wait.until(lambda _: found.find_element(By.CSS_SELECTOR, "input[role=combobox]").send_keys(words) or True)
    hit = f"a[role=option][href*='/{page}']"
    wait.until(lambda _: found.find_elements(By.CSS_SELECTOR, hit), f"{words!r} does not find {page}")
