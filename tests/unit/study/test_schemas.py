"""The schemas of all tables, and the page that is generated from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fad_study.schemas.page import SCHEMAS, describe, document

from fad_core.tables.schemas import Schema

DOCS = Path(__file__).parents[3] / "docs" / "tables.md"


def test_the_page_of_tables_is_in_step_with_the_schemas() -> None:
    assert DOCS.read_text(encoding="utf-8") == document(), (
        "docs/tables.md is out of date. Make it anew: "
        "python -c 'import pathlib, fad_study.schemas.page as s; "
        'pathlib.Path("docs/tables.md").write_text(s.document(), encoding="utf-8")\''
    )


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_schemas_are_well_formed(schema: Schema) -> None:
    assert len(set(schema.names)) == len(schema.names)
    for column in schema.columns:
        assert column.description.endswith("."), column.name
        assert f"| {column.name} | `{column.type}`" in describe(schema)
        # An empty CSV field of a text column must mean the empty text.
        assert not (column.nullable and column.type == "string"), column.name
