"""What a comment is about: the shipped patterns in six languages, and the user's own."""

from __future__ import annotations

import csv
import importlib.util
from types import ModuleType

import pandas as pd
import pyarrow as pa
import pytest

from orchestration.settings import DBT_PROJECT_DIR

MODEL = DBT_PROJECT_DIR / "models/intermediate/surveys/int_survey_topics.py"
SEED = DBT_PROJECT_DIR / "seeds/feedback_topics.csv"


@pytest.fixture(scope="module")
def model() -> ModuleType:
    spec = importlib.util.spec_from_file_location("int_survey_topics", MODEL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _patterns(*rows: tuple[str | None, str | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["topic", "pattern"])


def _shipped() -> pd.DataFrame:
    with SEED.open(encoding="utf-8") as handle:
        return pd.DataFrame(list(csv.DictReader(handle)))


@pytest.mark.parametrize(
    ("comment", "topic"),
    [
        ("The parcel came late, shipping took a week", "delivery"),
        ("Die Lieferung war pünktlich", "delivery"),
        ("La livraison était rapide", "delivery"),
        ("El envío tardó y la entrega fue tarde", "delivery"),
        ("A entrega demorou e o frete foi alto", "delivery"),
        ("La consegna è stata veloce", "delivery"),
        ("Much too EXPENSIVE", "price"),
        ("Zu teuer", "price"),
        ("Trop cher", "price"),
        ("Die Qualität ist super", "product"),
        ("Mala calidad del producto", "product"),
        ("Sehr freundliche Beratung", "service"),
        ("Il servizio è gentile", "service"),
        ("I had to wait for hours", "waiting_time"),
        ("I want my money back", "returns"),
        ("Die Rücksendung war mühsam", "returns"),
        ("Card declined", "payment"),
        ("The app crashed at login", "website"),
        ("Alles bestens, danke!", None),
        ("", None),
    ],
)
def test_the_shipped_patterns_know_six_languages(
    model: ModuleType, comment: str, topic: str | None
) -> None:
    found = model.topics(pa.array([comment], pa.string()), _shipped()).to_pylist()
    assert found == [topic]


def test_most_patterns_win_then_the_first_in_byte_order(model: ModuleType) -> None:
    patterns = _patterns(("b", "x"), ("b", "y"), ("a", "x"), ("a", "z"), ("c", "w"))
    comments = pa.array(["x y", "x", "x z y", "W", "v"], pa.string())
    assert model.topics(comments, patterns).to_pylist() == ["b", "a", "a", "c", None]


def test_a_pattern_that_is_none_fits_nothing(model: ModuleType) -> None:
    patterns = _patterns(("broken", "(x"), ("none", None), (None, "x"), ("good", "x"))
    assert model.topics(pa.array(["(x"], pa.string()), patterns).to_pylist() == ["good"]


def test_no_comments_and_no_patterns_are_no_fault(model: ModuleType) -> None:
    assert model.topics(pa.array([], pa.string()), _shipped()).to_pylist() == []
    assert model.topics(pa.array(["x"], pa.string()), _patterns()).to_pylist() == [None]
