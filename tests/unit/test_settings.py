"""Paths and environment: what can't be used is told by its name, and the key is made once."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from orchestration.settings import ROOT, SAMPLE_RAW_DIR, Settings, SettingsError, load_settings


def test_defaults() -> None:
    settings = load_settings({})
    assert settings.raw_dir == SAMPLE_RAW_DIR == ROOT / "data" / "raw"
    assert settings.warehouse_dir == ROOT / "data" / "warehouse"
    assert settings.is_sample
    assert (settings.threads, settings.memory_limit) == (2, "2GB")
    assert settings.publish_storage_version == "v1.0.0"
    assert settings.vars == {}


def test_every_variable_is_honoured(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "CHATMART_RAW_DIR": str(tmp_path / "raw"),
            "CHATMART_WAREHOUSE_DIR": str(tmp_path / "wh"),
            "CHATMART_VARS": json.dumps({"reporting_currency": "GBP"}),
            "CHATMART_HMAC_KEY_FILE": str(tmp_path / "key"),
            "CHATMART_MEMORY_LIMIT": "1GB",
            "CHATMART_THREADS": "4",
            "CHATMART_PUBLISH_STORAGE_VERSION": "v1.2.0",
        }
    )
    assert settings == Settings(
        raw_dir=tmp_path / "raw",
        warehouse_dir=tmp_path / "wh",
        vars={"reporting_currency": "GBP"},
        memory_limit="1GB",
        threads=4,
        publish_storage_version="v1.2.0",
        hmac_key_file=tmp_path / "key",
    )
    assert not settings.is_sample


@pytest.mark.parametrize(
    "name",
    ["CHATMART_RAW_DIR", "CHATMART_WAREHOUSE_DIR", "CHATMART_VARS", "CHATMART_THREADS",
     "CHATMART_HMAC_KEY", "CHATMART_HMAC_KEY_FILE", "CHATMART_MEMORY_LIMIT",
     "CHATMART_PUBLISH_STORAGE_VERSION"],
)  # fmt: skip
def test_an_empty_variable_is_an_absent_one(name: str) -> None:
    assert load_settings({name: ""}) == load_settings({})


def test_relative_paths_the_home_and_links_are_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert load_settings({"CHATMART_RAW_DIR": "exports"}).raw_dir == tmp_path / "exports"
    assert load_settings({"CHATMART_RAW_DIR": "~/x"}).raw_dir == tmp_path / "home" / "x"
    assert load_settings({"CHATMART_RAW_DIR": "link"}).raw_dir == tmp_path / "real"


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"CHATMART_VARS": "{"}, "CHATMART_VARS is not JSON"),
        ({"CHATMART_VARS": "[1]"}, "must be a JSON object"),
        ({"CHATMART_VARS": "null"}, "must be a JSON object"),
        ({"CHATMART_THREADS": "0"}, "CHATMART_THREADS is '0'"),
        ({"CHATMART_THREADS": "-1"}, "CHATMART_THREADS is '-1'"),
        ({"CHATMART_THREADS": "1.5"}, "CHATMART_THREADS is '1.5'"),
    ],
)
def test_what_cannot_be_used_names_the_variable(env: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        load_settings(env)


def test_the_key_never_stands_in_the_settings_text() -> None:
    settings = load_settings({"CHATMART_HMAC_KEY": "a very secret passphrase"})
    assert "secret" not in repr(settings)
    assert settings.hmac_key() == b"a very secret passphrase"


def test_the_key_file_is_made_once_for_the_owner_only(tmp_path: Path) -> None:
    settings = Settings(raw_dir=tmp_path, warehouse_dir=tmp_path / "new" / "warehouse")
    before = os.umask(0)
    try:
        key = settings.hmac_key()
    finally:
        os.umask(before)
    assert stat.S_IMODE(settings.key_path.stat().st_mode) == 0o600
    assert re.fullmatch(rb"[0-9a-f]{64}", key)
    assert settings.hmac_key() == key
    assert [path.name for path in settings.warehouse_dir.iterdir()] == ["hmac.key"]
    other = Settings(raw_dir=tmp_path, warehouse_dir=tmp_path / "other")
    assert other.hmac_key() != key


def test_a_leftover_of_a_killed_first_run_is_not_for_everybody(tmp_path: Path) -> None:
    settings = Settings(raw_dir=tmp_path, warehouse_dir=tmp_path)
    leftover = settings.key_path.with_suffix(".part")
    leftover.write_text("half")
    leftover.chmod(0o644)
    settings.hmac_key()
    assert stat.S_IMODE(settings.key_path.stat().st_mode) == 0o600


def test_a_key_file_that_is_named_must_exist(tmp_path: Path) -> None:
    settings = load_settings({"CHATMART_HMAC_KEY_FILE": str(tmp_path / "absent")})
    with pytest.raises(SettingsError, match=r"CHATMART_HMAC_KEY_FILE names .*absent"):
        settings.hmac_key()
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("content", ["short", "", "   \n"])
def test_a_short_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    settings = load_settings({"CHATMART_HMAC_KEY_FILE": str(tmp_path / "key")})
    with pytest.raises(SettingsError, match="shorter than 16 bytes"):
        settings.hmac_key()


def test_no_other_module_reads_the_environment() -> None:
    """Writing it for children is another matter: see `cli` and `dbt_manifest`."""
    reads = re.compile(r"os\.getenv|os\.environ\.get|environ\[[^]]+\](?!\s*=)")
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "orchestration").rglob("*.py")
        for line in path.read_text().splitlines()
        if reads.search(line) and "CHATMART" in line
    }
    assert found <= {"orchestration/settings.py"}


@pytest.mark.parametrize(
    ("variables", "advice"),
    [
        ({"reporting_curency": "GBP"}, "did you mean reporting_currency"),
        ({"folded_load_id": 3}, "no setting"),
        ({"reporting_currency": "pounds"}, "three letters"),
        ({"reporting_timezone": "Europe/Lundon"}, "IANA"),
    ],
)
def test_a_variable_that_would_be_ignored_or_fail_later_is_refused(
    variables: dict[str, object], advice: str
) -> None:
    with pytest.raises(SettingsError, match=advice):
        load_settings({"CHATMART_VARS": json.dumps(variables)})


def test_a_currency_is_written_in_capitals() -> None:
    settings = load_settings({"CHATMART_VARS": '{"reporting_currency": "gbp"}'})
    assert settings.vars == {"reporting_currency": "GBP"}
