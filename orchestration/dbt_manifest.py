"""The dbt project as Dagster sees it: a manifest that is never stale, and the way dbt is called."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagster_dbt import DbtCliResource, DbtProject

from orchestration import dbt_process
from orchestration.settings import DBT_PROJECT_DIR, Settings

# Logs of dbt hold SQL and error texts with values: none to disk, and nothing sent anywhere.
QUIET_FLAGS = ["--log-level-file", "none", "--no-use-colors"]
# The parsed project as dbt itself keeps it; manifest.json is the same for everybody else.
PARSED_FILE = "partial_parse.msgpack"


def set_dbt_environment(settings: Settings) -> None:
    """Set what profiles.yml reads, for dbt's process and for Dagster's look at the result."""
    os.environ.update(
        {
            "CHATMART_BUILD_PATH": str(settings.build_path),
            "CHATMART_MEMORY_LIMIT": settings.memory_limit,
            "CHATMART_THREADS": str(settings.threads),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
        }
    )


def project_files() -> list[Path]:
    """Return every file that a manifest depends on, in a fixed order."""
    return sorted(
        path
        for path in DBT_PROJECT_DIR.rglob("*")
        if path.is_file() and not {"target", "logs"} & set(path.relative_to(DBT_PROJECT_DIR).parts)
    )


def _content_hash() -> str:
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}\n".encode())
    for path in project_files():
        digest.update(f"{path.relative_to(DBT_PROJECT_DIR)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def prepared_project(settings: Settings) -> DbtProject:
    """Return the project with a manifest of exactly its present content; parses when it isn't.

    The manifest stands apart from the target of runs, which rewrite theirs while it is read, and
    is shared by all warehouses: it holds nothing of any one of them.
    """
    set_dbt_environment(settings)
    folder = DBT_PROJECT_DIR / "target" / "parsed"
    project = DbtProject(DBT_PROJECT_DIR, target_path=folder)
    stamp = folder / "content.sha256"
    content = _content_hash()
    is_there = project.manifest_path.exists() and (folder / PARSED_FILE).exists()
    if not (is_there and stamp.exists() and stamp.read_text() == content):
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            dbt_cli(settings).cli(
                ["parse", "--quiet", *QUIET_FLAGS], target_path=Path(scratch)
            ).wait()
            folder.mkdir(exist_ok=True)
            (Path(scratch) / PARSED_FILE).replace(folder / PARSED_FILE)
            (Path(scratch) / "manifest.json").replace(project.manifest_path)
            (Path(scratch) / "stamp").write_text(content)
            (Path(scratch) / "stamp").replace(stamp)
    return project


class _DbtCli(DbtCliResource):
    """dbt's command line, without the adapter that Dagster makes to ask the database itself."""

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        # It parses every macro again, for row counts that one connection gives (see `transform`).
        return None


def dbt_cli(settings: Settings, parsed: Path | None = None) -> DbtCliResource:
    """Return dbt as a child that ends with this process (see `dbt_process`).

    Args:
        settings: where the launcher stands, beside the warehouse.
        parsed: the parsed project to run; without it dbt parses.
    """
    launcher = settings.dbt_target_dir / "dbt"
    # -P: dbt takes any module named dbt_* on its path for a plugin, so our folder isn't on it.
    script = (
        f'#!/bin/sh\nexec "{sys.executable}" -P "{Path(dbt_process.__file__).resolve()}" "$@"\n'
    )
    if not launcher.exists() or launcher.read_text() != script:
        launcher.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=launcher.parent, delete=False) as partial:
            partial.write(script)
        Path(partial.name).chmod(0o755)
        Path(partial.name).replace(launcher)
    return _DbtCli(
        global_config_flags=[] if parsed is None else [f"{dbt_process.PARSED_FLAG}{parsed}"],
        project_dir=str(DBT_PROJECT_DIR),
        profiles_dir=str(DBT_PROJECT_DIR),
        dbt_executable=str(launcher),
    )


def load_manifest(project: DbtProject) -> dict[str, Any]:
    """Return the manifest as a dictionary."""
    manifest: dict[str, Any] = json.loads(project.manifest_path.read_text())
    return manifest


def public_tables(manifest: dict[str, Any]) -> list[str]:
    """Return `schema.name` of every model that may be published."""
    return sorted(
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["config"].get("access") == "public"
        and node["schema"] in ("marts", "meta")
    )
