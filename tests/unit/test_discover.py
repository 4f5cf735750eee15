"""What lies in the raw folder: which stream, which content, in an order that no system decides."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from orchestration.ingest.discover import discover
from orchestration.sources import BY_KEY
from tests.faults.harness import Harness, make_harness, status_line


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path)


def test_files_belong_to_the_stream_of_their_folder_at_any_depth(harness: Harness) -> None:
    for path in (
        "whatsapp/webhooks/a.jsonl",
        "whatsapp/webhooks/2026/05/a.ndjson.gz",
        "whatsapp/webhooks/x/webhooks/deep.json.zst",
        "whatsapp/sends/a.json",
        "reference/channels/a.csv",
        "shopify/orders/2026/a.csv.gz",
    ):
        harness.put(path, "x")
    found = {file.path: file.stream for file in discover(harness.settings).files}
    assert found == {
        "reference/channels/a.csv": "reference/channels",
        "shopify/orders/2026/a.csv.gz": "shopify/orders",
        "whatsapp/sends/a.json": "whatsapp/sends",
        "whatsapp/webhooks/2026/05/a.ndjson.gz": "whatsapp/webhooks",
        "whatsapp/webhooks/a.jsonl": "whatsapp/webhooks",
        "whatsapp/webhooks/x/webhooks/deep.json.zst": "whatsapp/webhooks",
    }


def test_files_stand_in_byte_order_of_their_paths(harness: Harness) -> None:
    names = ["b", "a", "B", "ä", "a-1", "a/1", "a.1", "Z", "z", "名"]
    for name in names:
        harness.put(f"whatsapp/webhooks/{name}.jsonl", name)
    found = [file.path for file in discover(harness.settings).of(BY_KEY["whatsapp/webhooks"])]
    assert len(found) == len(names)
    assert found == sorted(found, key=str.encode)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", 0),
        (b"x", 1),
        (b"x\n", 1),
        (b"x\n\ny", 3),
        (b"\n", 1),
        (b"x\r\ny\r\n", 2),
        (b"a" * 5_000_000 + b"\nb\n" * 3, 6),
    ],
)
def test_content_size_and_lines(harness: Harness, content: bytes, lines: int) -> None:
    harness.put("whatsapp/webhooks/a.jsonl", content)
    (file,) = discover(harness.settings).files
    assert (file.size, file.line_count) == (len(content), lines)
    assert file.sha256 == hashlib.sha256(content).hexdigest()


def test_lines_of_compressed_files_are_counted_later(harness: Harness) -> None:
    harness.put("whatsapp/webhooks/a.jsonl.gz", gzip.compress(b"x\n"))
    assert [file.line_count for file in discover(harness.settings).files] == [-1]


def test_the_ledger_hash_is_of_streams_paths_and_contents_alone(
    harness: Harness, tmp_path: Path
) -> None:
    file = harness.put("whatsapp/webhooks/a.jsonl", status_line(1))
    harness.put("whatsapp/webhooks/b.jsonl", status_line(2))
    first = discover(harness.settings).ledger_hash()
    file.touch()
    assert discover(harness.settings).ledger_hash() == first
    harness.put("whatsapp/webhooks/.hidden.jsonl", "x")
    harness.put("whatsapp/webhooks/x.part", "x")
    assert discover(harness.settings).ledger_hash() == first

    other = make_harness(tmp_path / "other")
    other.put("whatsapp/webhooks/b.jsonl", status_line(2))
    other.put("whatsapp/webhooks/a.jsonl", status_line(1))
    assert discover(other.settings).ledger_hash() == first

    seen = {first}
    for change in (
        lambda: file.write_text(status_line(3)),
        lambda: file.rename(file.with_name("c.jsonl")),
        lambda: (file.parent / "link.jsonl").symlink_to(file.with_name("c.jsonl")),
        lambda: harness.put("whatsapp/webhooks/d.jsonl", status_line(3)),
        lambda: harness.put("unknown/stream/d.csv", "a"),
    ):
        change()
        seen.add(discover(harness.settings).ledger_hash())
    assert len(seen) == 6


def test_a_raw_folder_that_is_a_link_is_followed_itself(harness: Harness, tmp_path: Path) -> None:
    from orchestration.settings import load_settings

    harness.put("whatsapp/webhooks/a.jsonl", status_line(1))
    (tmp_path / "link").symlink_to(harness.settings.raw_dir)
    settings = load_settings({"CHATMART_RAW_DIR": str(tmp_path / "link")})
    assert len(discover(settings).files) == 1


def test_a_raw_folder_that_does_not_exist_is_advice(harness: Harness) -> None:
    harness.settings.raw_dir.rmdir()
    with pytest.raises(NotADirectoryError, match="create it or set CHATMART_RAW_DIR"):
        discover(harness.settings)


def test_notes_beside_the_exports_are_no_exports(harness: Harness) -> None:
    for path in ("README.md", "whatsapp/README.md", "whatsapp/webhooks/README.md", "notes.txt"):
        harness.put(path, "# notes")
    # A file where a stream's folder should be is no export either.
    harness.put("shopify/orders", "a,b\n")
    found = discover(harness.settings)
    assert (found.files, found.refused) == ((), ())


@pytest.mark.parametrize("path", ["a.jsonl", "whatsapp/webhooks.jsonl.gz", "shopify/orders.CSV"])
def test_an_export_beside_its_folder_is_named(harness: Harness, path: str) -> None:
    harness.put(path, "x")
    (refused,) = discover(harness.settings).refused
    assert (refused.path, refused.reason) == (path, "unknown_stream")
    assert "move it" in refused.message


@pytest.mark.parametrize("name", ["a.CSV", "a.csv.bak", "a.jsonl.bz2", "a.xlsx", "a.yml", "jsonl"])
def test_a_file_of_another_type_is_named_with_what_is_taken(harness: Harness, name: str) -> None:
    harness.put(f"whatsapp/webhooks/{name}", "x")
    (refused,) = discover(harness.settings).refused
    assert refused.reason == "unknown_file_type"
    assert "whatsapp/webhooks takes *.jsonl" in refused.message
