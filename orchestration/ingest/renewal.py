"""When the code that reads exports has changed, they are read again."""

from __future__ import annotations

import duckdb

from orchestration.ingest.discover import Discovery
from orchestration.ingest.ledger import read_state, write_state

_CODE = "ingest_code"


def missing_exports(con: duckdb.DuckDBPyConnection, discovery: Discovery) -> list[str]:
    """Return the paths of loaded exports that are no longer in the raw folder.

    By content: a renamed export is no lost one.
    """
    present = {file.sha256 for file in discovery.files}
    try:
        rows = con.execute(
            "select distinct path, file_sha256 from raw.files "
            "where status in ('loaded', 'duplicate', 'missing') order by path"
        ).fetchall()
    except duckdb.CatalogException:
        return []
    return [path for path, sha256 in rows if sha256 not in present]


def forget_what_other_code_read(
    con: duckdb.DuckDBPyConnection, discovery: Discovery, code: str
) -> tuple[str | None, str | None]:
    """Empty schema `raw` where other code filled it; return a note and a warning on it.

    Where exports are gone, their rows are all there is of them: everything stays as it was read,
    and every run says so until somebody decides.

    Args:
        con: the working file, before `prepare`.
        discovery: the files that could be read again.
        code: the hash of the code that reads exports.
    """
    before = read_state(con, _CODE)
    if before == code:
        return None, None
    if before is not None:
        if gone := missing_exports(con, discovery):
            return None, (
                f"the code that reads exports has changed, but {len(gone)} exports are no longer "
                "in the raw folder: everything stays as the earlier version read it. Put them "
                "back, or say `make rebuild ALLOW_MISSING=1`"
            )
        con.execute("drop schema raw cascade")
        return "the code that reads exports has changed: all of them are read again", None
    return None, None


def remember_code(con: duckdb.DuckDBPyConnection, code: str) -> None:
    """Write down which code filled an empty schema `raw`; after `prepare`."""
    if read_state(con, _CODE) is None:
        write_state(con, **{_CODE: code})
