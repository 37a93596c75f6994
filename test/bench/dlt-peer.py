"""Copies a view into Parquet files by dlt, and prints the seconds that it took, without those that the imports take, and the rows, as JSON.

Usage: dlt-peer.py <backend> <URL of the database> <view> <empty folder>; or dlt-peer.py <backend>, which prints the versions if all that it needs is there.
"""

import json
import os
import sys
import time
from importlib.metadata import version

NEEDED = {"connectorx": ["dlt", "connectorx", "sqlalchemy"], "pyarrow": ["dlt", "pyarrow", "sqlalchemy", "numpy"]}

backend = sys.argv[1]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
import psycopg2  # noqa: E402, F401
import dlt  # noqa: E402
from dlt.destinations import filesystem  # noqa: E402
from dlt.sources.sql_database import sql_table  # noqa: E402

if len(sys.argv) == 2:
    print(json.dumps({name: version(name) for name in NEEDED[backend]}))
    sys.exit()

url, view, folder = sys.argv[2:5]
url = url.replace("postgresql://", "postgresql+psycopg2://")
options = {"backend_kwargs": {"return_type": "arrow"}} if backend == "connectorx" else {}
started = time.perf_counter()
pipeline = dlt.pipeline(
    "bench",
    pipelines_dir=f"{folder}/pipelines",
    destination=filesystem(f"file://{folder}/out"),
    dataset_name="bench",
)
table = sql_table(url, table=view, backend=backend, **options)
pipeline.run(table, loader_file_format="parquet", write_disposition="replace")
seconds = time.perf_counter() - started
rows = pipeline.last_trace.last_normalize_info.row_counts[view]
print(json.dumps({"seconds": seconds, "rows": rows}))
