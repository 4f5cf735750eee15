"""What a person sees in Dagster's UI after `make run`: the graph, an asset, its checks."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.settings import Settings
from orchestration.warehouse import connect
from tests.conftest import ROOT, Built, cli_env

START_SECONDS = 120
SEEN_MS = 60_000
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> str:
    found = subprocess.run(
        [str(Path(__file__).with_name("ensure_chromium.sh"))],
        check=False,
        capture_output=True,
        text=True,
    )
    if found.returncode != 0:
        message = found.stderr.strip().splitlines()[-1]
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found.stdout.strip()


@pytest.fixture(scope="module")
def ui(sample: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start `make dev` on the sample's instance, in a session of its own; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("ui") / "dev.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration", "dev", "--port", str(port)],
            cwd=ROOT,
            env=cli_env(sample.raw_dir, sample.warehouse_dir),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(process, address, log)
        yield address
    finally:
        # Started in the background it may ignore polite signals: its whole session goes.
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=2):
                return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the UI did not come up:\n{log.read_text()[-3000:]}")
        time.sleep(0.5)


def test_the_graph_an_asset_its_counts_and_its_checks_are_seen(
    ui: str, chromium: str, sample: Built
) -> None:
    from playwright.sync_api import expect, sync_playwright

    settings = Settings(raw_dir=sample.raw_dir, warehouse_dir=sample.warehouse_dir)
    with connect(settings, sample.working, read_only=True) as con:
        (rows,) = con.execute("select count(*) from raw.whatsapp_webhooks").fetchone() or (0,)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, headless=True, args=CHROMIUM_FLAGS
        )
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.set_default_timeout(SEEN_MS)
        expect.set_options(timeout=SEEN_MS)

        # The graph with its groups; one is opened, and an asset in it sought: the graph is too large
        # for all of an opened group to lie in sight.
        page.goto(f"{ui}/asset-groups")
        body = page.locator("body")
        for group in ("staging_whatsapp", "marts_channel", "published"):
            expect(body).to_contain_text(group)
        page.get_by_text("whatsapp", exact=True).first.dblclick()
        expect(page).to_have_url(re.compile("expanded=.*whatsapp"))
        page.get_by_placeholder("Jump to").fill("whatsapp_webhooks")
        page.get_by_text("whatsapp_webhooks", exact=True).first.click()
        expect(body).to_contain_text("a record of a Cloud API webhook body")

        # Its page: rows, files, time range.
        page.goto(f"{ui}/assets/raw/whatsapp_webhooks?view=events")
        for label in ("files_total", "rows_loaded", "rows_rejected", "last_event_at"):
            expect(body).to_contain_text(label)
        expect(body).to_contain_text(f"{rows}")

        # The checks of a mart: ours and dbt's, with their verdicts.
        page.goto(f"{ui}/assets/marts/kpi_messaging?view=checks")
        # Long names are shortened in the middle.
        for check in ("funnel_never_grows", "outcomes_add_up"):
            expect(body).to_contain_text(check)
        for verdict in ("Succeeded", "Passed"):
            expect(body).to_contain_text(verdict)

        # When it builds by itself.
        page.goto(f"{ui}/automation")
        for name in ("nightly", "new_files"):
            expect(body).to_contain_text(name)
        browser.close()
