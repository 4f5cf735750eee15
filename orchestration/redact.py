"""Take values out of error texts before they reach a log, Dagster's storage or a terminal."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import IO, Any

from orchestration.settings import ROOT

# DuckDB quotes the offending value, and shows the offending line after "Original Line".
_CONTENT_FROM = re.compile(r"(?is)(original line|\n\s*LINE \d+:|candidate entries|near:).*")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|“[^”\n]*”")
_NAME = re.compile(r"[a-z_][a-z0-9_.]{0,62}")
_NAMED = ("column", "columns", "name", "table", "view", "model", "schema", "module", "key")
_ADDRESS = re.compile(r"[^\s<>,;:]+@[^\s<>,;:]+")
_LONG_NUMBER = re.compile(r"\+?\d[\d ().-]{5,}\d")
_OPAQUE = re.compile(r"\b(?:wamid\.)?[A-Za-z0-9+/=]{25,}")

MAX_MESSAGE_CHARACTERS = 600


def redact(text: str) -> str:
    """Return `text` without quoted values, addresses, long numbers and opaque ids.

    Names said to be those of columns or tables stay: an error without them is no advice.
    """
    text = _CONTENT_FROM.sub("", text)
    text = _QUOTED.sub(_without_value, text)
    for pattern in (_ADDRESS, _OPAQUE, _LONG_NUMBER):
        text = pattern.sub("…", text)
    return text.strip()


def _without_value(match: re.Match[str]) -> str:
    before = match.string[: match.start()].rstrip().lower()
    is_name = _NAME.fullmatch(match[0][1:-1]) and before.endswith(_NAMED)
    return match[0] if is_name else "'…'"


def describe(error: BaseException) -> str:
    """Return kind, redacted message and place in our code of an unexpected error."""
    frames = [
        f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT / "orchestration")
    ]
    place = f" (at {frames[-1]})" if frames else ""
    message = redact(str(error))
    if len(message) > MAX_MESSAGE_CHARACTERS:
        message = message[:MAX_MESSAGE_CHARACTERS].rstrip() + " …"
    return f"{type(error).__name__}: {message}{place}"


class RedactedStream:
    """A text stream that redacts what is written to it, and tells `watch` of each line."""

    def __init__(self, target: IO[str], watch: Any = None) -> None:
        self._target = target
        self._watch = watch

    def write(self, text: str) -> int:
        """Write the redacted text."""
        if self._watch is not None:
            self._watch(text)
        self._target.write(redact(text) + ("\n" if text.endswith("\n") else ""))
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind."""
        self._target.flush()
