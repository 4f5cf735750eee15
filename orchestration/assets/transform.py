"""The dbt project as one set of assets: staging, intermediate, marts, meta."""

import contextlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from orchestration.assets.guard import guarded
from orchestration.dbt_manifest import (
    PARSED_FILE,
    QUIET_FLAGS,
    dbt_cli,
    load_manifest,
    prepared_project,
    set_dbt_environment,
)
from orchestration.fingerprint import describe_change
from orchestration.ingest.ledger import highest_load_id, read_state, write_state
from orchestration.redact import RedactedStream, redact
from orchestration.session import RunError, Session
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import connect

PROJECT = prepared_project(load_settings())
MANIFEST = load_manifest(PROJECT)
OWNERS = {"marts": "team:analytics", "seeds": "team:analytics"}
MAX_EXAMPLES = 5
_PROGRESS = re.compile(r"\b(\d+) of (\d+) (?:OK|PASS|WARN|ERROR|FAIL|SKIP)\b")


class Translator(DagsterDbtTranslator):
    """Groups by folder (`staging_whatsapp`, `marts_channel`) and owners by layer."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the folder, or what the model's own meta says."""
        own = super().get_group_name(dbt_resource_props)
        if own or dbt_resource_props["resource_type"] not in ("model", "seed", "snapshot"):
            return own
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        return "_".join(dbt_resource_props["fqn"][1:-1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Return the owner that dbt names, else the team of the layer."""
        own = super().get_owners(dbt_resource_props)
        layer = dbt_resource_props["fqn"][1] if dbt_resource_props["fqn"][1:] else ""
        return list(own) if own else [OWNERS.get(layer, "team:data-engineering")]


def dbt_args(settings: Settings, *, folded_load_id: int, full_refresh: bool) -> list[str]:
    """Return the arguments of the run's `dbt build`."""
    variables = {**settings.vars, "folded_load_id": folded_load_id}
    args = ["build", "--exclude-resource-type", "unit_test", "--vars", json.dumps(variables)]
    return [*args, *QUIET_FLAGS, *(["--full-refresh"] if full_refresh else [])]


@dbt_assets(
    manifest=PROJECT.manifest_path,
    project=PROJECT,
    name="transform",
    exclude="resource_type:unit_test",
    dagster_dbt_translator=Translator(),
)
def transform_assets(
    context: dg.AssetExecutionContext, session: dg.ResourceParam[Session]
) -> Iterator[Any]:
    """Run `dbt build`; what was folded into the state tables is written down afterwards."""
    settings = session.settings
    with guarded(session), session.step("dbt build") as notes:
        set_dbt_environment(settings)
        folded_load_id, newest_load_id, reason = _plan(session)
        _begin(session)
        if reason:
            session.full_refresh_reason = reason
            session.reporter.note(f"full refresh: {reason}")
            context.log.info(f"full refresh: {reason}")
        args = dbt_args(settings, folded_load_id=folded_load_id, full_refresh=bool(reason))
        yield from _run_dbt(context, session, args)
        nodes = _results(settings)
        tests = sum(1 for r in nodes if r["unique_id"].startswith("test."))
        notes["detail"] = f"{len(nodes) - tests} models, {tests} tests"
        if not context.is_subset:
            with connect(settings) as con:
                write_state(
                    con,
                    folded_load_id=str(newest_load_id),
                    settings_fingerprint=session.fingerprint,
                    fingerprint_parts=json.dumps(session.fingerprint_parts),
                )
            session.stages.add("transform")


def _plan(session: Session) -> tuple[int, int, str | None]:
    """Return up to which load the state is folded, the newest load, and why all is built anew."""
    with connect(session.settings) as con:
        folded = read_state(con, "folded_load_id")
        fingerprint = read_state(con, "settings_fingerprint")
        parts = json.loads(read_state(con, "fingerprint_parts") or "{}")
        newest = highest_load_id(con)
    if session.full_refresh_reason:
        return 0, newest, session.full_refresh_reason
    if folded is None or fingerprint is None:
        return 0, newest, "this working file has not been built before"
    if fingerprint != session.fingerprint:
        changed = describe_change(parts, session.fingerprint_parts)
        return 0, newest, f"changed since the last build: {changed}"
    return int(folded), newest, None


def _begin(session: Session) -> None:
    """Take the fingerprint from the working file until the transform has ended well.

    Half a transform is nothing to go on from: the run after it is a full refresh.
    """
    with connect(session.settings) as con:
        write_state(con, settings_fingerprint=None)


def _run_dbt(context: dg.AssetExecutionContext, session: Session, args: list[str]) -> Iterator[Any]:
    settings = session.settings
    (settings.dbt_target_dir / "run_results.json").unlink(missing_ok=True)
    invocation = dbt_cli(settings, PROJECT.manifest_path.with_name(PARSED_FILE)).cli(
        args, context=context, target_path=settings.dbt_target_dir, raise_on_error=False
    )

    def watch(text: str) -> None:
        if match := _PROGRESS.search(text):
            session.reporter.progress(f"dbt: {match[1]} of {match[2]}")

    try:
        with contextlib.redirect_stdout(RedactedStream(sys.stdout, watch)):
            events = list(invocation.stream())
    finally:
        _redact_results(settings)
    yield from _with_row_counts(settings, events)
    if invocation.process.wait() != 0:
        raise RunError(_failure(settings, str(invocation.get_error() or "")))


def _with_row_counts(settings: Settings, events: Iterable[Any]) -> Iterator[Any]:
    """Tell with each table how many rows it has: counted after dbt, which locks the file.

    Dagster's own `fetch_row_counts` spins a whole core while it waits for dbt to end.
    """
    with connect(settings, read_only=True) as con:
        for event in events:
            if not isinstance(event, (dg.Output, dg.AssetMaterialization)):
                yield event
                continue
            node = MANIFEST["nodes"][event.metadata["unique_id"].value]
            if node["config"]["materialized"] == "view":
                yield event
                continue
            row = con.execute(f"select count(*) from {node['relation_name']}").fetchone()
            counted = {"dagster/row_count": row[0] if row else 0, "dagster/storage_kind": "duckdb"}
            yield event.with_metadata({**event.metadata, **counted})


def _redact_results(settings: Settings) -> None:
    """Take values out of the errors that dbt wrote down: its results stay on disk."""
    path = settings.dbt_target_dir / "run_results.json"
    if not path.exists():
        return
    written = json.loads(path.read_text())
    for result in written["results"]:
        if result["status"] == "error":
            result["message"] = redact(result["message"] or "")
    path.write_text(json.dumps(written))


def _results(settings: Settings) -> list[dict[str, Any]]:
    path = settings.dbt_target_dir / "run_results.json"
    if not path.exists():
        return []
    results: list[dict[str, Any]] = json.loads(path.read_text())["results"]
    return results


def _failure(settings: Settings, fallback: str) -> str:
    """Return advice for a failed dbt run: each failing test or model, its table, its keys."""
    lines = []
    for result in _results(settings):
        node = MANIFEST["nodes"].get(result["unique_id"], {})
        name = node.get("name", result["unique_id"])
        if result["status"] == "fail":
            table = MANIFEST["nodes"].get(node.get("attached_node") or "", {})
            where = f"{table['schema']}.{table['name']}" if table else node.get("path", "")
            keys = _example_keys(settings, result, table)
            lines.append(
                f"{name} on {where}: {node.get('description') or 'the test'}: "
                f"{result['failures']} rows break it{keys}"
            )
        elif result["status"] == "error":
            lines.append(f"{name} failed: {redact(result['message'] or '')}")
    return "\n".join(lines) or f"dbt could not run: {redact(fallback)}"


def _example_keys(settings: Settings, result: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """Return up to five keys of a public table's failing rows: those hold no personal data."""
    code = result.get("compiled_code")
    if not code or table.get("schema") not in ("marts", "meta"):
        return ""
    try:
        with connect(settings) as con:
            rows = con.execute(f"select * from ({code}) limit {MAX_EXAMPLES}")
            names = [column[0] for column in rows.description or []]
            picked = [n for n, name in enumerate(names) if name.endswith(("_id", "_on", "_grain"))]
            found = [", ".join(str(row[n]) for n in picked) for row in rows.fetchall()]
    except Exception:
        return ""
    return f", e.g. {'; '.join(found)}" if picked and found else ""
