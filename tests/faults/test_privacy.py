"""A person who is everywhere in the exports is in the raw files and build.duckdb, nowhere else."""

from __future__ import annotations

import hashlib
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.settings import DBT_PROJECT_DIR, Settings
from orchestration.sources import STREAMS
from orchestration.warehouse import connect, memory
from tests.conftest import Built
from tests.faults import canary
from tests.faults.canary import NEEDLES, files_below, found_in_files, found_in_tables, found_in_text
from tests.faults.conftest import Faulty, run_patched

CopyOf = Callable[[Built], Built]
SECRETS = f"{canary.NAME} {canary.SURNAME} +{canary.PHONE} {canary.EMAIL} {canary.TEXT}"
PERSONAL_KINDS = ("phone", "national number", "user id", "name", "surname", "text", "e-mail")


def _without_paths(faulty: Faulty, output: str) -> str:
    """Take the relative paths of exports out of what the terminal shows: those are allowed."""
    paths = sorted(faulty.canary_paths, key=len, reverse=True)
    # All paths before any folder: one folder's name may begin another's.
    for allowed in (*paths, *("/".join(path.split("/")[:2]) for path in paths)):
        output = output.replace(allowed, "")
    return output


def _everything_but_the_working_file(built: Built) -> list[Path]:
    files = [
        path
        for path in files_below(built.warehouse_dir)
        if not path.name.startswith("build.duckdb") and path.suffix != ".parquet"
    ]
    return [*files, *files_below(built.dagster_home)]


def _assert_nothing_leaks(faulty: Faulty, built: Built, output: str) -> None:
    assert found_in_text(_without_paths(faulty, output)) == []
    files = _everything_but_the_working_file(built)
    assert len(files) > 8
    assert found_in_files(files) == []


def test_the_canary_is_found_where_it_may_be(faulty: Faulty) -> None:
    """What finds nothing here would find nothing anywhere."""
    settings = Settings(faulty.raw_dir, faulty.warehouse_dir)
    with connect(settings, faulty.working, read_only=True) as con:
        found = found_in_tables(con)
    by_column = {(table, column): needles for table, column, needles in found}
    needles = {needle for found_needles in by_column.values() for needle in found_needles}
    assert set(NEEDLES) - {"plain sha256", "plain sha256 with +", "plain md5"} <= needles
    assert "phone in base64" in by_column["raw.whatsapp_webhooks", "record_id"]
    for table, column in (
        ("raw.whatsapp_webhooks", "contact_name"),
        ("raw.whatsapp_webhooks", "text_body"),
        ("raw.whatsapp_webhooks", "payload"),
        ("raw.whatsapp_sends", "template_components"),
        ("raw.whatsapp_sends", "text_body"),
        ("raw.whatsapp_templates", "components"),
        ("raw.reference_internal_contacts", "email"),
        ("raw.shopify_orders", "billing_phone"),
        ("raw.shopify_orders", "notes"),
        ("raw.shopify_orders_bulk", "journey"),
        ("raw.woocommerce_orders", "meta_data"),
        ("raw.chatwoot_conversations", "identifier"),
        ("raw.chatwoot_messages", "content"),
        ("raw.chatwoot_contacts", "phone_number"),
        ("raw.chatwoot_users", "encrypted_password"),
        ("raw.generic_agents", "name"),
        ("raw.rejects", "raw_text"),
        ("raw.files", "path"),
    ):
        assert (table, column) in by_column, f"{table}.{column}"


def test_a_column_that_holds_the_canary_is_declared_personal(faulty: Faulty) -> None:
    """The list of personal columns is what the documentation and the lint of models go by."""
    told_by_others = {
        # What WhatsApp names freely: types, fields, codes. Published only as far as they are known.
        "field", "record_type", "record_time", "error_code", "ctwa_clid", "conversation_id",
        "conversation_origin", "pricing_model", "pricing_type", "pricing_category",
        # A business' own labels and its own numbers, which are hashed where they are numbers.
        "phone_number_id", "cached_label_list", "channel_id",
        # What people write of sources, events and links: published as far as it is plain words.
        "source", "event", "skipped_reason", "message_type", "category", "country_code",
        "utm_source", "utm_medium", "utm_campaign",
        "session_source", "session_medium", "session_campaign",
        # What systems say of conversations: published as one of a closed list, or as `other`.
        "opened_by", "event_type", "actor_type", "content_type", "team_name",
        # A business' own names of ads: published without numbers and addresses, codes as codes.
        "ad_name", "campaign_name", "currency_code",
        # A shop's own words: published only as one of a closed list, or not at all.
        "financial_status", "fulfillment_status", "status", "kind", "payment_method",
        "payment_method_title", "payment_gateways", "discount_codes", "coupon_lines", "coupon_codes",
        # A kind of survey: published only as one of a closed list.
        "survey_type",
    }  # fmt: skip
    with connect(
        Settings(faulty.raw_dir, faulty.warehouse_dir), faulty.working, read_only=True
    ) as con:
        found = found_in_tables(con)
    for stream in STREAMS:
        holding = {
            column
            for table, column, _ in found
            if table == f"raw.{stream.raw_table}" and not column.startswith("_")
        }
        assert holding - set(stream.personal_columns) <= told_by_others, stream.key


def test_no_column_of_the_published_file_holds_it(faulty: Faulty) -> None:
    settings = Settings(faulty.raw_dir, faulty.warehouse_dir)
    with connect(settings, faulty.published, read_only=True) as con:
        assert found_in_tables(con) == []
        messages = con.execute(
            "select count(*) from marts.fct_messages where message_on >= '2026-11-10'"
        ).fetchone()
        channels = con.execute("select channel_id from marts.dim_channels").fetchall()
    assert messages is not None
    assert messages[0] > 10
    assert len(channels) > 4
    assert found_in_files([faulty.published]) == []


def test_no_parquet_file_holds_it(faulty: Faulty) -> None:
    files = sorted((faulty.warehouse_dir / "marts").glob("*.parquet"))
    assert len(files) > 8
    with memory() as con:
        for path in files:
            con.execute(f"create table \"{path.stem}\" as from '{path}'")
        assert found_in_tables(con) == []
    assert found_in_files(files) == []


def test_logs_storage_and_terminal_hold_nothing_of_it(faulty: Faulty) -> None:
    _assert_nothing_leaks(faulty, faulty, faulty.output + faulty.errors)
    names = {path.name for path in _everything_but_the_working_file(faulty)}
    assert {"runs.db", "run_results.json", "manifest.json"} <= names
    assert any(name.endswith(".log") for name in names)
    # dbt's own folders in the project stay as they were, or hold nothing.
    assert found_in_files(files_below(DBT_PROJECT_DIR / "logs", DBT_PROJECT_DIR / "target")) == []


def test_its_hash_is_keyed(faulty: Faulty) -> None:
    """The person is known as one, under a hash that nobody without the key can make."""
    settings = Settings(faulty.raw_dir, faulty.warehouse_dir)
    with connect(settings, faulty.working, read_only=True) as con:
        hashes = con.execute(
            "select distinct identifier_hash from raw.identifiers "
            "where identifier_type = 'phone' and identifier_value = ?",
            [canary.PHONE],
        ).fetchall()
    assert len(hashes) == 1
    for text in (canary.PHONE, f"+{canary.PHONE}", f"phone:{canary.PHONE}"):
        for function in (hashlib.sha256, hashlib.sha1, hashlib.md5):
            assert function(text.encode()).hexdigest()[:32] != hashes[0][0]


def test_the_key_file_and_the_working_files_are_not_for_everybody(tmp_path: Path) -> None:
    settings = Settings(raw_dir=tmp_path, warehouse_dir=tmp_path / "warehouse")
    settings.hmac_key()
    assert stat.S_IMODE(settings.key_path.stat().st_mode) == 0o600


def test_logs_are_not_for_everybody(faulty: Faulty) -> None:
    for path in (faulty.dagster_home / "logs").glob("*.log"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_error_of_the_ingest_leaks_nothing(faulty: Faulty, copy_of: CopyOf) -> None:
    built = copy_of(faulty)
    done = run_patched(
        built,
        f"""
        from orchestration.ingest import run
        def broken(*args, **more):
            try:
                raise ValueError("{SECRETS}")
            except ValueError as error:
                raise RuntimeError("at '{SECRETS}' and {canary.PHONE}") from error
        run.register = broken
        """,
    )
    assert done.returncode == 1
    assert "Not published" in done.stderr
    assert "RuntimeError" in done.stderr
    told = _told(done)
    # A message that isn't quoted can't be told from advice: no name may stand bare in one of ours.
    assert canary.PHONE not in _without_paths(faulty, told)
    _assert_nothing_leaks(faulty, built, told)


def test_an_error_of_a_model_leaks_nothing(faulty: Faulty, copy_of: CopyOf) -> None:
    """A model that stumbles over a value quotes it: in dbt's logs, results, and Dagster's events."""
    built = copy_of(faulty)
    done = run_patched(
        built,
        f"""
        from orchestration.assets import transform
        original = transform._run_dbt
        def tampering(context, session, args):
            from orchestration.warehouse import connect
            with connect(session.settings) as con:
                con.execute("alter table raw.reference_channels rename to channels_before")
                con.execute('''
                    create view raw.reference_channels as
                    select * replace (
                        cast(cast("{canary.PHONE} {canary.NAME} {canary.EMAIL}" as integer)
                        as varchar) as name)
                    from raw.channels_before
                '''.replace('"', "'"))
            yield from original(context, session, args)
        transform._run_dbt = tampering
        """,
    )
    assert done.returncode == 1, done.stdout
    told = _told(done)
    assert "failed: " in told, told
    _assert_nothing_leaks(faulty, built, told)
    assert found_in_files(files_below(DBT_PROJECT_DIR / "logs")) == []


def _told(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


@pytest.mark.parametrize("kind", PERSONAL_KINDS)
def test_the_search_itself_finds_what_it_looks_for(kind: str) -> None:
    import base64

    needle = NEEDLES[kind]
    assert kind in found_in_text(f"x {needle} y")
    for shift in range(3):
        packed = base64.b64encode(b"z" * shift + needle.encode() + b"z" * 9).decode()
        assert any(kind in found for found in found_in_text(f"wamid.{packed}")), shift
