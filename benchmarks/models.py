"""The SQL of a dbt model without dbt: references are tables of the same name in one database.

dbt takes seconds to start and writes what it does into a project's target; a bench of one model, or
a test with thousands of its rows, needs neither. Only for models that ask dbt for nothing but
`ref`, `source`, `var` and the project's macros.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from jinja2 import Environment

from benchmarks.measure import ROOT

PROJECT = ROOT / "dbt_project"
# Of macros/: those that hold nothing but Jinja's own macros.
MACROS = ("business_hours.sql", "clock.sql", "periods.sql", "safe_divide.sql")


def sql_of(model: str, variables: Mapping[str, Any] | None = None) -> str:
    """Return the query of the model of that name.

    Raises:
        FileNotFoundError: the project has no such model.
    """
    found = sorted((PROJECT / "models").rglob(f"{model}.sql"))
    if not found:
        raise FileNotFoundError(f"dbt_project/models has no {model}.sql")
    return rendered(found[0].read_text(encoding="utf-8"), variables)


def rendered(text: str, variables: Mapping[str, Any] | None = None) -> str:
    """Return SQL with the project's macros, as a model may use them, written out."""
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    values = {**project["vars"], **(variables or {})}
    environment = Environment(extensions=["jinja2.ext.do"], autoescape=False)
    environment.globals.update(
        ref=lambda name: name, source=lambda _, table: table, var=lambda name: values[name]
    )
    macros = "\n".join((PROJECT / "macros" / name).read_text("utf-8") for name in MACROS)
    module = environment.from_string(macros).module
    environment.globals.update(
        {name: value for name, value in vars(module).items() if not name.startswith("_")}
    )
    return environment.from_string(text).render()
