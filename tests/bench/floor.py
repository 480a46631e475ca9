"""The floor: the SQL of a page, bare, shown by the least that Flask and Jinja can do.

No sign-in, no transaction, no words to speak of: what a page takes above this is ours.
"""

import os
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from flask import Flask, Response, request

from tests.bench.floor_queries import QUERIES
from tests.bench.site import FLOOR_DATABASE

TABLE = """<!doctype html><title>{{ name }}</title>
{% for rows in tables %}<table>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>{% endfor %}
"""


def build() -> Flask:
    """Return the application, upon the database that the environment names."""
    url = os.environ[FLOOR_DATABASE]
    return create_floor(url, lambda: connect(url))


def connect(url: str) -> Any:
    """Return a connection of the database's driver."""
    if url.startswith("sqlite"):
        return sqlite3.connect(url.removeprefix("sqlite:///"))
    # A plan for any value is a bad one for searching, and so is reading the table from its start.
    options = "-c plan_cache_mode=force_custom_plan -c enable_seqscan=off -c jit=off"
    return psycopg.connect(url, autocommit=True, options=options)


def create_floor(url: str, connect: Callable[[], Any]) -> Flask:
    """Return the application: each of QUERIES is a page, whose parameters are their values.

    Each thread has a connection of its own.
    """
    app, own = Flask(__name__), threading.local()
    table, queries = app.jinja_env.from_string(TABLE), QUERIES[url.partition(":")[0]]

    @app.get("/pages/<name>")
    def page(name: str) -> str:
        if not hasattr(own, "connection"):
            own.connection = connect()
        values = request.args.to_dict()
        tables = [own.connection.execute(query, values).fetchall() for query in queries[name]]
        return table.render(name=name, tables=tables)

    @app.get("/nothing")
    def nothing() -> Response:
        return Response(status=204)

    return app
