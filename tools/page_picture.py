"""Makes docs/page.png: the page of ``holdoff serve`` with the demo's day, in Chromium. Every run makes the same
picture.

Run: python -m tools.page_picture docs/page.png
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from playwright.sync_api import sync_playwright

from examples.day import config_text, fill
from holdoff.config import parse
from holdoff.config.server import SCOPES
from holdoff.server.app import create_app
from holdoff.server.site import Site
from holdoff.testing import ManualClock

#: When the day ends: in the afternoon of a working day.
END = "2026-11-27T16:40:00Z"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def served() -> Iterator[str]:
    """Serve the page on a free port, with a clock that stands still at the end of the day; gives the page's address."""
    with TemporaryDirectory(prefix="holdoff-page-") as folder, socket.create_server(("127.0.0.1", 0)) as at:
        head = f'store = "memory:"\n[server]\ntokens = "{folder}/tokens"\ndead_letters = "{folder}/letters"\n'
        config = parse(head + config_text('["true"]'))
        assert config.server
        config = config.but(server=config.server.but(anonymous=SCOPES))
        clock, store = ManualClock(END), config.open_store()
        fill(store, config, clock.now_ms())
        site = Site(config, store, environment={}, write=lambda _: None, clock=clock)
        app = create_app(site)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        site.is_stopping = lambda: server.should_exit
        thread = threading.Thread(target=lambda: server.run(sockets=[at]))
        thread.start()
        try:
            yield f"http://127.0.0.1:{at.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            site.starts.close()


def take(url: str, file: Path, width: int, theme: str) -> None:
    """Take a picture of a whole page."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise SystemExit("there is no Chromium: apt-get install chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": width, "height": 600},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            timezone_id="UTC",
        )
        page = context.new_page()
        page.goto(url)
        page.get_by_text("live", exact=True).wait_for()
        page.screenshot(path=file, full_page=True)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.page_picture", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--path", default="/", help="of the page, such as /gates/site")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--theme", choices=["dark", "light"], default="dark")
    given = parser.parse_args()
    os.environ["TZ"] = "UTC"  # the axis goes by this machine's
    time.tzset()
    with served() as url:
        take(url + given.path, given.file, given.width, given.theme)


if __name__ == "__main__":
    main()
