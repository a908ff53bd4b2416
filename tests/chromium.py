"""A real Chromium, and what axe says of a page in it."""

import contextlib
import shutil

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

# Software drawing, so that the globe and the maps draw on a machine without a graphics card.
ARGUMENTS = [
    *("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
]
SLOW_MS = 60_000
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@contextlib.contextmanager
def chromium():
    expect.set_options(timeout=SLOW_MS)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def serious_faults(page):
    """What axe finds against WCAG 2.2 AA, with the elements; the page's context must bypass its policy."""
    found = Axe().run(page, options={"runOnly": WCAG}).response["violations"]
    serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    return [(fault["id"], [node["html"][:120] for node in fault["nodes"]]) for fault in serious]


def scrolls_sideways(page):
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width > 0
