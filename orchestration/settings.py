"""Paths and environment: the only module that reads either."""

from __future__ import annotations

import difflib
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = ROOT / "dbt_project"
SAMPLE_RAW_DIR = ROOT / "data" / "raw"
MIN_KEY_BYTES = 16


class SettingsError(ValueError):
    """A setting that can't be used. The message names the variable and the mend."""


@dataclass(frozen=True)
class Settings:
    """Everything that may differ between two runs on one machine."""

    raw_dir: Path
    warehouse_dir: Path
    vars: Mapping[str, Any] = field(default_factory=dict)
    memory_limit: str = "2GB"
    threads: int = 2
    publish_storage_version: str = "v1.0.0"
    hmac_key_text: str | None = field(default=None, repr=False)
    hmac_key_file: Path | None = None
    nightly_cron: str = "30 2 * * *"

    @property
    def build_path(self) -> Path:
        """Return the working file: one writer, personal data, never read by BI tools."""
        return self.warehouse_dir / "build.duckdb"

    @property
    def published_path(self) -> Path:
        """Return the file that readers open; replaced atomically."""
        return self.warehouse_dir / "warehouse.duckdb"

    @property
    def marts_dir(self) -> Path:
        """Return the folder of the same marts as Parquet."""
        return self.warehouse_dir / "marts"

    @property
    def temp_dir(self) -> Path:
        """Return where DuckDB spills and repaired copies of damaged files live for one run."""
        return self.warehouse_dir / "tmp"

    @property
    def lock_path(self) -> Path:
        """Return the file whose OS lock the one writer holds."""
        return self.warehouse_dir / "run.lock"

    @property
    def dbt_target_dir(self) -> Path:
        """Return dbt's target: beside the warehouse, so that two warehouses never share one."""
        return self.warehouse_dir / "dbt"

    @property
    def key_path(self) -> Path:
        """Return the key file that is made on first run when no key is given."""
        return self.hmac_key_file or self.warehouse_dir / "hmac.key"

    @property
    def is_sample(self) -> bool:
        """Tell whether the run reads the committed sample exports."""
        return self.raw_dir == SAMPLE_RAW_DIR

    def hmac_key(self) -> bytes:
        """Return the secret of the keyed hashes; makes the key file (mode 600) on first use.

        Raises:
            SettingsError: the key is shorter than 16 bytes or the file can't be read.
        """
        if self.hmac_key_text is not None:
            return _checked_key(self.hmac_key_text.encode(), "CHATMART_HMAC_KEY")
        path = self.key_path
        if not path.exists():
            if self.hmac_key_file is not None:
                raise SettingsError(
                    f"CHATMART_HMAC_KEY_FILE names {path}, which does not exist: "
                    "create it or unset the variable"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            # Written aside and linked, so that a kill can't leave half a key behind.
            partial = path.with_suffix(".part")
            partial.unlink(missing_ok=True)
            descriptor = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as handle:
                handle.write(secrets.token_hex(32) + "\n")
                handle.flush()
                os.fsync(handle.fileno())
            partial.replace(path)
        return _checked_key(path.read_bytes().strip(), str(path))


def _checked_key(key: bytes, origin: str) -> bytes:
    if len(key) < MIN_KEY_BYTES:
        raise SettingsError(f"the key in {origin} is shorter than {MIN_KEY_BYTES} bytes")
    return key


def _absolute(text: str) -> Path:
    path = Path(text).expanduser()
    # Resolving lets the raw folder itself be a link; links inside it are never followed.
    return (path if path.is_absolute() else Path.cwd() / path).resolve()


def _checked_vars(overrides: dict[str, Any]) -> dict[str, Any]:
    """Return the overrides of dbt vars; a misspelt one would be ignored without a word."""
    known = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text())["vars"]
    known.pop("folded_load_id")
    for name in overrides:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            raise SettingsError(f"CHATMART_VARS names {name!r}, which is no setting: {hint}")
    checked = dict(overrides)
    if "reporting_currency" in checked:
        checked["reporting_currency"] = str(checked["reporting_currency"]).strip().upper()
        if not re.fullmatch("[A-Z]{3}", checked["reporting_currency"]):
            raise SettingsError(
                f"reporting_currency is {overrides['reporting_currency']!r}: give three letters, "
                "e.g. EUR"
            )
    if "reporting_timezone" in checked:
        try:
            ZoneInfo(str(checked["reporting_timezone"]))
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise SettingsError(
                f"reporting_timezone is {checked['reporting_timezone']!r}: give an IANA name, "
                "e.g. Europe/London"
            ) from None
    return checked


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment (see README, "Settings").

    Raises:
        SettingsError: a variable holds something that can't be used.
    """
    env = os.environ if env is None else env
    try:
        overrides = json.loads(env.get("CHATMART_VARS") or "{}")
    except json.JSONDecodeError as error:
        raise SettingsError(f"CHATMART_VARS is not JSON ({error.msg}): give an object") from None
    if not isinstance(overrides, dict):
        raise SettingsError(
            'CHATMART_VARS must be a JSON object, e.g. {"reporting_currency": "GBP"}'
        )
    overrides = _checked_vars(overrides)
    threads = env.get("CHATMART_THREADS") or "2"
    if not threads.isdigit() or int(threads) < 1:
        raise SettingsError(f"CHATMART_THREADS is {threads!r}: give a whole number from 1")
    key_file = env.get("CHATMART_HMAC_KEY_FILE")
    return Settings(
        raw_dir=_absolute(env.get("CHATMART_RAW_DIR") or str(SAMPLE_RAW_DIR)),
        warehouse_dir=_absolute(
            env.get("CHATMART_WAREHOUSE_DIR") or str(ROOT / "data" / "warehouse")
        ),
        vars=overrides,
        memory_limit=env.get("CHATMART_MEMORY_LIMIT") or "2GB",
        threads=int(threads),
        publish_storage_version=env.get("CHATMART_PUBLISH_STORAGE_VERSION") or "v1.0.0",
        hmac_key_text=env.get("CHATMART_HMAC_KEY") or None,
        hmac_key_file=_absolute(key_file) if key_file else None,
        nightly_cron=env.get("CHATMART_NIGHTLY_CRON") or "30 2 * * *",
    )
