"""What, besides the exports, decides the rows of the marts: model code, vars, references, key.

When any of it differs from what the working file was built with, an increment would mix two
meanings, so the run is a full refresh by itself and says which part has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import duckdb

from orchestration.ingest.discover import Discovery
from orchestration.ingest.identifiers import key_id
from orchestration.settings import DBT_PROJECT_DIR, ROOT, Settings

_MODEL_FOLDERS = ("models", "macros", "seeds")
_INGEST_FOLDERS = ("sources", "ingest")
INGEST_CODE = "code that reads exports"


def fingerprint_parts(settings: Settings, discovery: Discovery) -> dict[str, str]:
    """Return a hash per part, keyed by the part's name for people."""
    return {
        "model code": _model_code(),
        INGEST_CODE: _code_of(
            [ROOT / "orchestration" / folder for folder in _INGEST_FOLDERS], ROOT
        ),
        "vars": _hash(json.dumps(dict(settings.vars), sort_keys=True)),
        "reference files": _hash(
            "\n".join(
                sorted(
                    f"{file.stream}\t{file.path}\t{file.sha256}"
                    for file in discovery.files
                    if file.stream.startswith("reference/")
                )
            )
        ),
        "key": key_id(settings.hmac_key()),
        "DuckDB version": duckdb.__version__,
    }


def settings_fingerprint(settings: Settings, discovery: Discovery) -> str:
    """Return one hash over all parts."""
    return _hash(json.dumps(fingerprint_parts(settings, discovery), sort_keys=True))


def describe_change(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return which parts differ, for the terminal: `model code and vars`."""
    changed = [name for name in now if before.get(name) != now[name]]
    return " and ".join(changed) if changed else "nothing"


def _model_code() -> str:
    folders = [DBT_PROJECT_DIR / folder for folder in _MODEL_FOLDERS]
    return _code_of([DBT_PROJECT_DIR / "dbt_project.yml", *folders], DBT_PROJECT_DIR)


def _code_of(places: list[Path], root: Path) -> str:
    """Return the hash of files and of all files below folders, names included."""
    files = [place for place in places if place.is_file()]
    files += [path for place in places for path in place.rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(files):
        if path.suffix == ".pyc":
            continue
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
