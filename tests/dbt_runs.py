"""dbt against an empty warehouse: every relation stands, with its columns and without a row.

Unit tests bring their own rows, but dbt reads the columns of their inputs from the database.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from orchestration.ingest.run import prepare
from orchestration.settings import DBT_PROJECT_DIR, Settings
from orchestration.warehouse import connect

TEST_KEY = "a key for tests, never for data"


class EmptyWarehouse:
    """A working file with the raw tables, seeds and every model, all empty but the seeds."""

    def __init__(self, folder: Path, project: Path = DBT_PROJECT_DIR) -> None:
        self.folder = folder
        self.project = project
        self.settings = Settings(
            raw_dir=folder / "raw", warehouse_dir=folder / "warehouse", hmac_key_text=TEST_KEY
        )

    def prepare(self) -> None:
        """Make the ledger and the raw tables, as the ingest does."""
        with connect(self.settings) as con:
            prepare(con, self.settings)

    def build(self) -> None:
        """Make all of it: raw by the ingest, the rest by dbt."""
        self.prepare()
        for command in (["seed", "--full-refresh"], ["run", "--empty", "--full-refresh"]):
            failed = self.dbt(*command)
            if failed:
                raise RuntimeError(f"dbt {command[0]} of an empty warehouse fails: {failed}")

    def dbt(self, *arguments: str) -> dict[str, str]:
        """Run one dbt command in this process; return name → status of what did not succeed.

        A project that can't be parsed is `{"dbt": message}`.
        """
        from dbt.cli.main import dbtRunner

        os.environ.update(
            {
                "CHATMART_BUILD_PATH": str(self.settings.build_path),
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
                "DO_NOT_TRACK": "1",
            }
        )
        self.results: list[str] = []
        try:
            done = dbtRunner().invoke(
                [
                    *("--quiet", "--no-use-colors", "--log-level", "none"),
                    *("--log-level-file", "none"),
                    *arguments,
                    *("--project-dir", str(self.project), "--profiles-dir", str(self.project)),
                    *("--target-path", str(self.folder / "target")),
                ]
            )
        finally:
            close_connections()
        if done.result is None:
            return {"dbt": str(done.exception)}
        results: list[Any] = list(getattr(done.result, "results", []))
        self.results = [result.node.name for result in results]
        return {
            result.node.name: str(result.status)
            for result in results
            if str(result.status) not in ("success", "pass", "no-op")
        }


def close_connections() -> None:
    """Let go of the file: DuckDB refuses a second connection with other settings."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager._ENV.close()
    DuckDBConnectionManager.close_all_connections()


def main() -> None:
    """Run every unit test in the folder given; write `{tests, failed}` to its result.json."""
    warehouse = EmptyWarehouse(Path(sys.argv[1]))
    warehouse.build()
    failed = warehouse.dbt("test", "--select", "test_type:unit")
    result = {"tests": warehouse.results, "failed": failed}
    (warehouse.folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
