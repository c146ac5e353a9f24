"""Lets a Python program that a `command` node runs talk to Tauro: put this file beside it and `import tauro`.

It needs the standard library only. Started by hand, without Tauro, a program finds an empty input, and what it hands on
is printed instead.
"""

import json
import os

_said = None


def read_input():
    """All that Tauro tells: run, params, node_id, attempt, input, inputs (outputs of the nodes before) and tables."""
    path = os.environ.get("TAURO_INPUT")
    if path is None:
        return {"run": {}, "params": {}, "node_id": None, "attempt": 1, "input": {}, "inputs": {}, "tables": {}}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def table_path(node_id):
    """The Parquet file with the table of a node before this one. It is only to be read."""
    tables = read_input()["tables"]
    if node_id not in tables:
        raise KeyError(f"no node before this one has made a table '{node_id}' (there are: {', '.join(tables) or 'none'})")
    return tables[node_id]["path"]


def output(value):
    """Hands on a value that JSON can hold, as `nodes.<this node>.output.value`. The last one counts."""
    _say({"type": "output", "value": value})


def table(path, format=None):
    """Hands on a file (csv, json, ndjson or parquet) as the table of this node; its config has `table: true`."""
    message = {"type": "table", "path": os.path.abspath(path)}
    _say(message if format is None else {**message, "format": format})


def progress(fraction):
    """Says how far the work is, from 0 to 1."""
    _say({"type": "progress", "fraction": fraction})


def log(message, level="INFO"):
    """Writes a line to the log of the task: DEBUG, INFO, WARNING, ERROR or CRITICAL. `print` works too, as INFO."""
    _say({"type": "log", "level": level, "message": str(message)})


def _say(message):
    global _said
    line = json.dumps(message, ensure_ascii=False, allow_nan=False)
    if _said is None:
        path = os.environ.get("TAURO_OUTPUT")
        if path is None:
            print(line)
            return
        _said = open(path, "a", encoding="utf-8")
    _said.write(line + "\n")
    _said.flush()
