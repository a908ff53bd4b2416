"""A real Chromium, and what axe says of a page in it."""

import contextlib
import shutil

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect, sync_playwright

# Software drawing, so that the globe and the maps draw on a machine without a graphics card.
ARGUMENTS = [
    *("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
]
SLOW_MS = 60_000
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
STILL = """async () => {
    while (document.getAnimations().some(animation => animation.playState === "running"))
        await new Promise(requestAnimationFrame)
}"""

FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@contextlib.contextmanager
def chromium():
    """A browser; its contexts come from `new_context`."""
    expect.set_options(timeout=SLOW_MS)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def new_context(browser, **options):
    """A visitor's cookies and windows, with the patience that busy machines need."""
    context = browser.new_context(**{"viewport": WIDE} | options)
    context.set_default_timeout(SLOW_MS)
    return context


def faults_in_every_look(page):
    """What is wrong with an open page that is wide and light; then in the dark, and then as on a phone.

    The page's context must bypass its policy: axe is put in by script, which the policy would rightly refuse.
    """
    found = {"light": serious_faults(page), "wide": sideways(page)}
    page.emulate_media(color_scheme="dark")
    # Colours are measured when nothing changes any more; nothing else is another in the dark.
    page.evaluate(STILL)
    found["dark"] = serious_faults(page, COLOURS)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    page.evaluate(STILL)
    found["phone"] = serious_faults(page) + sideways(page)
    page.set_viewport_size(WIDE)
    return {look: faults for look, faults in found.items() if faults}


def serious_faults(page, rules=WCAG):
    """What axe finds against WCAG 2.2 AA, with the elements."""
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response["violations"]
    serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    return [(fault["id"], [node["html"][:120] for node in fault["nodes"]]) for fault in serious]


def sideways(page):
    return ["scrolls sideways"] if scrolls_sideways(page) else []


def scrolls_sideways(page):
    """Whether a page stays wider than its window: what a script draws is made to fit a moment later."""
    try:
        page.wait_for_function(FITS, timeout=10_000)
    except PlaywrightTimeoutError:
        return True
    return False
