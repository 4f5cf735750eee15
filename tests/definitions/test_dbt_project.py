"""The house rules of the dbt project, read off its manifest: layers, names, contracts, tests.

There is no list of exceptions to the layers: code that needs one belongs into another layer.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import Any

import pytest
import yaml

from orchestration.settings import DBT_PROJECT_DIR

Manifest = dict[str, Any]
Node = dict[str, Any]

# What a model of a layer may read: models of these layers, seeds, and these sources. `ledger` holds
# keys and hashes only; `meta` is about the loads, so it counts raw rows too.
MAY_READ: dict[str, set[str]] = {
    "staging": {"seed", "raw", "ledger"},
    "intermediate": {"seed", "ledger", "staging", "intermediate", "facts"},
    "marts": {"seed", "ledger", "intermediate", "facts", "dimensions", "kpis"},
    "meta": {"seed", "ledger", "raw", "intermediate", "facts"},
}
# Facts are folded from intermediate. Only models of periods fold them further, and those of
# campaigns and service: who a recipient is, and what a turn, shows in the messages of all time.
READS_FACTS = ("intermediate/periods", "intermediate/campaigns", "intermediate/service")

NAMES = {
    "staging": r"stg_[a-z0-9]+(_[a-z0-9]+)*__[a-z0-9_]+",
    "intermediate": r"int_[a-z_]+",
    "marts": r"(fct|dim|kpi)_[a-z_]+",
    "meta": r"[a-z_]+",
}
PUBLIC_TYPES = ("varchar", "boolean", "bigint", "double", "decimal(", "date", "timestamp")

# Public tables without a unit test, and why there is nothing to test.
NO_UNIT_TEST = {
    "loads": "a choice of columns of the ledger, counted by the audit's checks",
    "rejects": "a count by three columns of the ledger",
    "watermarks": "the rows of int_stream_clocks, which has unit tests",
}
# Intermediate and staging models without one.
NO_UNIT_TEST_INSIDE = {
    "int_contact_components": "a unit test of a Python model is a parse error; int_identities has",
    "int_campaign_test_statistics": "a unit test of a Python model is a parse error; pytest has",
    "int_customer_clv": "a unit test of a Python model is a parse error; pytest has",
    "int_people__named_in_exports": "columns of many streams one below the other",
    "stg_chatwoot__reporting_events": "a choice of columns",
    "stg_chatwoot__contacts": "a choice of columns",
    "stg_chatwoot__users": "a choice of columns; int_agents has",
    "stg_chatwoot__teams": "a choice of columns; int_agents has",
    "stg_chatwoot__agent_bots": "a choice of columns; int_agents has",
    "stg_generic__agents": "a choice of columns; int_agents has",
    "int_survey_topics": "a unit test of a Python model is a parse error; pytest has",
    "int_survey_responses": "the rows of int_survey_answers that count",
    "stg_generic__survey_responses": "a choice of columns; test_surveys reads them from a file",
    "stg_chatwoot__csat_survey_responses": "a choice of columns; int_survey_answers__told has",
    "stg_consent__events": "a choice of columns; int_consent_signals has",
    "stg_clicks__links": "a choice of columns",
    "stg_clicks__short_io": "a choice of columns",
    "stg_generic__contacts": "a choice of columns",
    "stg_generic__costs": "a choice of columns",
    "stg_generic__ad_spend": "a choice of columns",
    "stg_generic__leads": "a choice of columns",
    "stg_generic__link_clicks": "a choice of columns",
    "stg_generic__orders": "a choice of columns; test_orders_generic reads them from a file",
    "stg_whatsapp__template_texts": "a choice of columns; test_attribution reads them from a file",
    "stg_generic__abandoned_checkouts": "a choice of columns",
    "int_orders__told": "the orders of the shops one below the other",
    "int_identities__before": "reads the relation of the run before: increment = rebuild tests it",
    "int_conversation_cycles__before": "reads the relation of the run before, as int_lookups__before",
    "int_lookups__before": "reads the relation of the run before: increment = rebuild tests it",
    "stg_whatsapp__channel_numbers": "two distinct columns; int_channel_numbers has",
}


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    from orchestration.dbt_manifest import load_manifest, prepared_project
    from orchestration.settings import load_settings

    return load_manifest(prepared_project(load_settings()))


def _nodes(manifest: Manifest, kind: str) -> list[Node]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == kind]


@pytest.fixture(scope="module")
def models(manifest: Manifest) -> list[Node]:
    return _nodes(manifest, "model")


def _layer(model: Node) -> str:
    return str(model["fqn"][1])


def _kind(parent: Node) -> str:
    if parent["resource_type"] == "source":
        return str(parent["source_name"])
    if parent["resource_type"] == "seed":
        return "seed"
    if _layer(parent) != "marts":
        return _layer(parent)
    return {"fct": "facts", "dim": "dimensions", "kpi": "kpis"}[parent["name"][:3]]


def _public(models: list[Node]) -> list[Node]:
    return [model for model in models if model["config"].get("access") == "public"]


def test_every_model_reads_only_the_layers_below(manifest: Manifest, models: list[Node]) -> None:
    everything = {**manifest["nodes"], **manifest["sources"]}
    wrong = [
        f"{model['name']} reads {everything[parent]['name']} ({_kind(everything[parent])})"
        for model in models
        for parent in model["depends_on"]["nodes"]
        if _kind(everything[parent]) not in MAY_READ[_layer(model)]
    ]
    assert wrong == []


def test_only_periods_and_campaigns_are_folded_from_facts(
    manifest: Manifest, models: list[Node]
) -> None:
    facts = {n["unique_id"] for n in models if n["name"].startswith("fct_")}
    wrong = [
        model["name"]
        for model in models
        if _layer(model) == "intermediate"
        and facts & set(model["depends_on"]["nodes"])
        and not any(folder in model["original_file_path"] for folder in READS_FACTS)
    ]
    assert wrong == []


def test_no_kpi_mart_reads_another(manifest: Manifest, models: list[Node]) -> None:
    kpis = {n["unique_id"] for n in models if n["name"].startswith("kpi_")}
    wrong = [
        model["name"]
        for model in models
        if model["name"].startswith(("fct_", "dim_", "kpi_"))
        and model["name"] != "kpi_scorecard"
        and kpis & set(model["depends_on"]["nodes"])
    ]
    assert wrong == []


def test_models_are_named_after_their_layer(models: list[Node]) -> None:
    wrong = [m["name"] for m in models if not re.fullmatch(NAMES[_layer(m)], m["name"])]
    assert wrong == []


def test_staging_models_are_named_after_their_folder(models: list[Node]) -> None:
    wrong = [
        m["name"]
        for m in models
        if _layer(m) == "staging" and not m["name"].startswith(f"stg_{m['fqn'][2]}__")
    ]
    assert wrong == []


def test_schemas_are_those_of_the_layers(models: list[Node]) -> None:
    assert {m["name"]: m["schema"] for m in models if m["schema"] != _layer(m)} == {}


def test_exactly_marts_and_meta_are_public(models: list[Node]) -> None:
    wrong = [
        m["name"]
        for m in models
        if (m["config"].get("access") == "public") != (_layer(m) in ("marts", "meta"))
    ]
    assert wrong == []


def test_every_model_says_what_one_row_is(manifest: Manifest, models: list[Node]) -> None:
    described = [*models, *_nodes(manifest, "seed")]
    wrong = [n["name"] for n in described if not n["description"].startswith("One row per ")]
    assert wrong == []


def test_every_described_column_has_a_description(manifest: Manifest, models: list[Node]) -> None:
    wrong = [
        f"{node['name']}.{name}"
        for node in [*models, *_nodes(manifest, "seed")]
        for name, column in node["columns"].items()
        if not column["description"].strip()
    ]
    assert wrong == []


def test_every_model_describes_columns(models: list[Node]) -> None:
    assert [m["name"] for m in models if not m["columns"]] == []


def test_every_public_model_has_an_enforced_contract(models: list[Node]) -> None:
    wrong = [m["name"] for m in _public(models) if not m["config"]["contract"]["enforced"]]
    assert wrong == []


def test_public_columns_have_types_that_every_reader_knows(models: list[Node]) -> None:
    wrong = [
        f"{model['name']}.{name}: {column['data_type']}"
        for model in _public(models)
        for name, column in model["columns"].items()
        if not (column["data_type"] or "").startswith(PUBLIC_TYPES)
    ]
    assert wrong == []


def test_every_public_model_stands_beside_its_own_yaml(models: list[Node]) -> None:
    wrong = [
        m["name"]
        for m in _public(models)
        if m["patch_path"].split("://")[1]
        != m["original_file_path"].replace(".sql", ".yml").replace(".py", ".yml")
    ]
    assert wrong == []


def test_every_public_model_has_a_data_test(manifest: Manifest, models: list[Node]) -> None:
    tested = {parent for test in _nodes(manifest, "test") for parent in test["depends_on"]["nodes"]}
    assert [m["name"] for m in _public(models) if m["unique_id"] not in tested] == []


def test_every_model_has_a_unit_test_or_a_reason(manifest: Manifest, models: list[Node]) -> None:
    tested = {unit["model"] for unit in manifest["unit_tests"].values()}
    reasons = {**NO_UNIT_TEST, **NO_UNIT_TEST_INSIDE}
    names = {m["name"] for m in models}
    assert sorted(names - tested - set(reasons)) == []
    # A reason that is none any more is taken away.
    assert sorted((tested | (set(reasons) - names)) & set(reasons)) == []


def test_every_test_has_a_name_of_its_own(manifest: Manifest) -> None:
    """Colliding names silently drop checks."""
    names = [n["name"] for n in _nodes(manifest, "test")]
    names += [n["name"] for n in manifest["unit_tests"].values()]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_every_data_test_is_named_by_us(manifest: Manifest) -> None:
    """dbt's own names are made of arguments: nobody reads them as a fact."""
    wrong = [
        node["name"]
        for node in _nodes(manifest, "test")
        if node.get("test_metadata")
        and node["name"].startswith(
            ("not_null_", "unique_", "accepted_values_", "relationships_", "source_")
        )
    ]
    assert wrong == []


def test_unit_tests_never_read_this(manifest: Manifest) -> None:
    """`input: this` makes `dbt build` fail on every fresh clone."""
    wrong = [
        unit["name"]
        for unit in manifest["unit_tests"].values()
        if any(given["input"] == "this" for given in unit["given"])
    ]
    assert wrong == []


def test_seeds_are_typed_and_the_invented_ones_say_so(manifest: Manifest) -> None:
    seeds = {n["name"]: n for n in _nodes(manifest, "seed")}
    untyped = [
        f"{name}.{column}"
        for name, seed in seeds.items()
        for column in seed["columns"]
        if column not in seed["config"]["column_types"]
    ]
    assert untyped == []
    for name in ("rate_card", "fx_rates", "market_prefixes"):
        assert "EXAMPLE: replace with your own" in seeds[name]["description"]


def test_every_public_table_is_exposed(manifest: Manifest, models: list[Node]) -> None:
    exposures = {e["name"]: e for e in manifest["exposures"].values()}
    published = set(exposures["published_file"]["depends_on"]["nodes"])
    assert {m["unique_id"] for m in _public(models)} == published
    assert exposures["terminal_scorecard"]["owner"]["name"]


def test_kpis_are_columns_of_their_marts(manifest: Manifest, models: list[Node]) -> None:
    """Of the marts that stand: a row of a later one waits for its mart."""
    marts = {m["name"]: set(m["columns"]) for m in models if m["name"].startswith("kpi_")}
    variables = {"", *manifest_vars()}
    wrong = []
    for row in seed_rows("kpis"):
        columns = [row["value_column"], row["denominator"], *row["numerator"].split(" + ")]
        wrong += [
            f"{row['kpi']}: {row['mart']} has no {column}"
            for column in columns
            if column and row["mart"] in marts and column not in marts[row["mart"]]
        ]
        if row["window_var"] not in variables:
            wrong.append(f"{row['kpi']}: there is no var {row['window_var']}")
    assert wrong == []


def seed_rows(name: str) -> list[dict[str, str]]:
    with (DBT_PROJECT_DIR / "seeds" / f"{name}.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def manifest_vars() -> set[str]:
    project = yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text())
    return set(project["vars"])
