"""Every kind of file that people drop by mistake, and what is to be said of each."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from tests.faults.harness import send_line, status_line

RATES = "effective_from,market,category,currency_code,rate"
SENDS, WEBHOOKS = "whatsapp/sends", "whatsapp/webhooks"

EXPECTED = {
    # Path: (line, reason) of each reject, and words that the terminal must say about it.
    f"{WEBHOOKS}/bad-corrupt.jsonl.gz": ([(None, "corrupt_file")], "copy it again"),
    f"{WEBHOOKS}/bad-lines.jsonl": (
        [(1, "not_an_object"), (2, "bare_value"), (4, "bad_json"), (5, "bad_json")],
        "line 1 and 3 more lines",
    ),
    f"{WEBHOOKS}/bad-20-mb.jsonl": ([(2, "line_too_long")], "line 2"),
    f"{WEBHOOKS}/bad-42-mb.jsonl": ([(2, "line_too_long")], "longer than 16 MB"),
    f"{WEBHOOKS}/bad-empty.jsonl": ([(None, "empty_file")], "the file is empty"),
    f"{WEBHOOKS}/bad-link.jsonl": ([(None, "symlink")], "links are not followed"),
    f"{WEBHOOKS}/bad-linked-folder": ([(None, "symlink")], "links are not followed"),
    f"{WEBHOOKS}/bad-pipe.jsonl": ([(None, "not_a_file")], "no regular file"),
    f"{WEBHOOKS}/bad.xlsx": ([(None, "unknown_file_type")], "rename or convert"),
    f"{SENDS}/bad-sends.jsonl": ([(2, "missing_phone_number_id")], "phone_number_id is empty"),
    "reference/rate_card/bad-column.csv": (
        [(None, "missing_column")],
        "required column rate is missing",
    ),
    "reference/rate_card/bad-semicolon.csv": (
        [(None, "decimal_comma")],
        "write a decimal point",
    ),
    "reference/rate_card/bad-latin.csv": ([(None, "wrong_encoding")], "save it as CSV UTF-8"),
    "shopify/orders/bad-ragged.csv": (
        [(3, "ragged_row"), (4, "bad_quotes")],
        "line 3 and 1 more lines",
    ),
    "telegram/messages/x.csv": ([(None, "unknown_stream")], "no stream telegram/messages"),
}
"""What is rejected; the good lines beside it must stand in raw."""

SILENT = (
    f"{WEBHOOKS}/.hidden.jsonl",
    f"{WEBHOOKS}/bad.jsonl.part",
    f"{WEBHOOKS}/bad.jsonl.tmp",
    f"{WEBHOOKS}/.trash/bad.jsonl",
    f"{WEBHOOKS}/README.md",
)
"""Never opened and never mentioned."""

GOOD_WAMIDS = [f"wamid.{n}" for n in range(9001, 9013)]
GOOD_ORDERS = ["#8001", "#8002", "#8003", "#8004", "#8005"]


def drop_in(raw_dir: Path, outside: Path) -> None:
    """Drop all of them into a raw folder; `outside` is a folder that links lead to."""

    def put(path: str, content: str | bytes) -> None:
        target = raw_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    (outside / "secret.jsonl").write_text(status_line(8999))
    good = {n: status_line(n) for n in range(9001, 9013)}
    put(f"{WEBHOOKS}/bad-corrupt.jsonl.gz", gzip.compress(status_line(8998).encode() * 99)[:-9])
    put(
        f"{WEBHOOKS}/bad-lines.jsonl",
        "[1,2]\n"
        + '{"messaging_product":"whatsapp","metadata":{},"statuses":[]}\n'
        + good[9001]
        + '{"entry":[{"id":"\x01"}]}\n'
        + good[9002][:-40]
        + "\n"
        + good[9003],
    )
    long = '{"entry":"' + "x" * 20_000_000 + '"}\n'
    put(f"{WEBHOOKS}/bad-20-mb.jsonl", good[9004] + long + good[9005])
    longer = '{"entry":"' + "x" * 42_000_000 + '"}\n'
    put(f"{WEBHOOKS}/bad-42-mb.jsonl", good[9006] + longer + good[9007])
    put(f"{WEBHOOKS}/bad-mark.jsonl", "\ufeff" + good[9008] + "\r\n" + good[9009].rstrip())
    put(f"{WEBHOOKS}/bad-empty.jsonl", "")
    put(f"{WEBHOOKS}/bad.xlsx", b"PK\x03\x04")
    put(f"{SENDS}/bad-sends.jsonl", send_line(9010) + send_line(9011, phone_number_id=None))
    for path in SILENT:
        put(path, status_line(8997))
    (raw_dir / f"{WEBHOOKS}/bad-link.jsonl").symlink_to(outside / "secret.jsonl")
    (raw_dir / f"{WEBHOOKS}/bad-linked-folder").symlink_to(outside)
    os.mkfifo(raw_dir / f"{WEBHOOKS}/bad-pipe.jsonl")

    put(
        "reference/rate_card/bad-column.csv", RATES.removesuffix(",rate") + "\n2026-01-01,x,y,EUR\n"
    )
    put(
        "reference/rate_card/bad-semicolon.csv",
        f"{RATES}\n2026-01-01,x,y,EUR,0~1\n".replace(",", ";").replace("~", ","),
    )
    put(
        "reference/rate_card/bad-latin.csv",
        f"{RATES}\n2026-01-01,Österreich,y,EUR,1\n".encode("latin-1"),
    )
    # Reordered, with a column we don't know, with Windows' line ends.
    put(
        "shopify/orders/bad-order.csv",
        "Total,Loyalty Points,Created at,Name,Currency\r\n"
        "10.00,7,2026-11-01 10:00:00 +0100,#8001,EUR\r\n"
        "20.00,,2026-11-02 10:00:00 +0100,#8002,USD\r\n",
    )
    put(
        "shopify/orders/bad-ragged.csv",
        "Name,Total,Created at,Notes\n"
        "#8003,30.00,2026-11-03 10:00:00 +0100,\n"
        "#8999,1.00\n"
        '#8998,1.00,2026-11-03 10:00:00 +0100,"an open quote\n'
        '#8004,40.00,2026-11-03 10:00:00 +0100,"two\nlines"\n'
        "#8005,50.00,2026-11-03 10:00:00 +0100,last",
    )  # fmt: skip
    put("telegram/messages/x.csv", "a,b\n1,2\n")
