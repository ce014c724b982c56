"""`audit uses --sql spark`: the rows of Spark are the rows of DuckDB."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.audit.uses.declared import declared_in
from kong_oam.audit.uses.logs import collect
from kong_oam.audit.uses.replay import replay
from kong_oam.audit.uses.statement import portable
from kong_oam.audit.uses.store import read_uses
from tests.support.recorded_calls import REVISION, orders, records, write_log

duckdb = pytest.importorskip(
    "duckdb", reason="the extra `audit` is not installed"
)
sql = pytest.importorskip(
    "pyspark.sql", reason="pyspark is not installed: 490 MB"
)

# Spark reads no field of a type that another row does not have, so the table has these types.
TYPES = """version BIGINT, time STRING, requestId STRING, stack STRING, component STRING, port STRING,
method STRING, host STRING, path STRING, client STRING, caller STRING, by STRING, user BOOLEAN,
groups ARRAY<STRING>, scopes ARRAY<STRING>, decision STRING, code STRING, rulePath STRING,
revision STRING, admitted STRING, address STRING, node STRING, worker STRING, sequence BIGINT"""


@pytest.mark.deep
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")
def test_spark_has_the_same_classes_days_and_blocks(tmp_path: Path) -> None:
    model = orders()
    made = records(model, 5000)
    made[0]["stack"] = "other"
    del made[1]["revision"]
    log = write_log(tmp_path / "log.json", made)
    declared = declared_in([model])
    collect(
        [log], declared, ["local"], tmp_path / "uses.parquet", lambda *_: None
    )
    builder = sql.SparkSession.builder.master("local[1]").config(
        "spark.ui.enabled", "false"
    )
    session = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
    try:
        session.read.schema(TYPES).json(str(log)).createOrReplaceTempView(
            "records"
        )
        found = session.sql(portable(declared, ["local"], "spark"))
        found.coalesce(1).write.parquet(str(tmp_path / "spark"))
    finally:
        session.stop()
    [file] = (tmp_path / "spark").glob("*.parquet")
    spark, own = read_uses([file]), read_uses([tmp_path / "uses.parquet"])
    assert spark.classes == own.classes
    assert (spark.days, spark.blocks) == (own.days, own.blocks)
    assert {(each.problem, each.count) for each in spark.unread} == {
        ("stack", 1),
        ("incomplete", 1),
    }
    models = {
        (key, "8080", REVISION): model for key in ("orders/api", "behind/api")
    }
    assert not replay(spark, models).differences
