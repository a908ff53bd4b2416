"""Take the pictures of the documentation from a running platform with the demo data: `make screenshots`."""

import io
import shutil
import tempfile
from pathlib import Path

from benchmarks.running import started
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
PAGES = {
    "landing": "/",
    "explorer": "/explore?q=temperature",
    "item": "/explore/collections/uk-met-office-scenarios/items/a1b",
    "series": "/series?collection=uk-met-office-scenarios&variable=air_temperature&lon=-100&lat=45",
}
LOOKS = {
    "wide": {"viewport": {"width": 1440, "height": 900}},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
}
ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
DRAWN = """() => [...document.querySelectorAll("geo-globe, geo-map[tilejson]")]
    .every(map => map.dataset.layer === "ready")"""
# After the layer has drawn, its last tiles fade in.
SETTLE_MS = 2500


def main() -> None:
    """Take every page in every look."""
    IMAGES.mkdir(exist_ok=True)
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with (
        tempfile.TemporaryDirectory() as folder,
        started(Path(folder) / "data") as platform,
        sync_playwright() as api,
    ):
        browser = api.chromium.launch(executable_path=path, args=ARGUMENTS)
        for look, options in LOOKS.items():
            for page, address in PAGES.items():
                take(browser, platform.url + address, options, IMAGES / f"{page}-{look}.webp")
        browser.close()


def take(browser: Browser, address: str, options: dict, target: Path) -> None:
    """Take one picture once its maps have drawn."""
    with browser.new_context(**options) as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_function(DRAWN, timeout=90_000)
        page.wait_for_timeout(SETTLE_MS)
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(target, quality=88, method=6)
    print(target.name, target.stat().st_size // 1024, "KiB")


if __name__ == "__main__":
    main()
