"""What the application may do to each table, on PostgreSQL: only what it does.

The tables belong to another role. Whoever gets hold of the application, or of its password, cannot
rewrite the trail, switch its triggers off, or change the schema.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, inspect, text

from app.storage.append_only import APPEND_ONLY_TABLES
from app.storage.metadata import metadata

ADD, CHANGE, READ = "SELECT, INSERT", "SELECT, INSERT, UPDATE", "SELECT"
ANYTHING = "SELECT, INSERT, UPDATE, DELETE"
# Which revision the schema is of is for the owner to say.
READ_ONLY_TABLES = frozenset({"alembic_version"})
# What counts or waits for minutes goes again, and who is unlinked; that is in the trail.
PASSING_TABLES = frozenset(
    {"company_accounts", "counters", "half_open_sign_ins", "passkey_challenges"}
)

REWRITES = (
    "the role in UNDERSTUDY_DATABASE_URL could rewrite the audit trail. Give the tables to another"
    " role and name it in UNDERSTUDY_DATABASE_OWNER_URL; docs/postgresql.md says how."
)
MAY_CHANGE = "has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')"
IS_OWNER = "pg_has_role(relowner, 'MEMBER')"


def current_role(connection: Connection) -> str:
    """Return the name of the role that is asking."""
    role: str = connection.execute(text("SELECT current_user")).scalar_one()
    return role


def may_rewrite(connection: Connection) -> bool:
    """Whether the role that is asking could change what is in the trail, or its triggers."""
    query = text(
        f"SELECT coalesce(bool_or({MAY_CHANGE} OR {IS_OWNER}), false) FROM pg_class"  # noqa: S608
        " WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:names)"
    )
    rewrites: bool = connection.execute(query, {"names": list(APPEND_ONLY_TABLES)}).scalar_one()
    return rewrites


def grant(connection: Connection, role: str) -> None:
    """Give the role what the application needs, and take from it whatever else it was given."""
    quote = connection.dialect.identifier_preparer.quote
    schema, database = connection.execute(text("SELECT current_schema(), current_database()")).one()
    statements = [
        f"REVOKE CREATE ON SCHEMA {quote(schema)} FROM PUBLIC, {quote(role)}",
        # A temporary table could stand in front of the trail and swallow its rows.
        f"REVOKE TEMPORARY ON DATABASE {quote(database)} FROM PUBLIC, {quote(role)}",
    ]
    usage = text("SELECT has_schema_privilege(:role, :schema, 'USAGE')")
    if not connection.execute(usage, {"role": role, "schema": schema}).scalar_one():
        statements.append(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(role)}")
    for table, privileges in _privileges(connection):
        name = f"{quote(schema)}.{quote(table)}"
        statements += [
            f"REVOKE ALL ON {name} FROM PUBLIC, {quote(role)}",
            f"GRANT {privileges} ON {name} TO {quote(role)}",
        ]
    for statement in statements:
        connection.exec_driver_sql(statement)


def _privileges(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield what the application needs of each of our tables that is there already."""
    there = inspect(connection).get_table_names()
    for table in sorted({*there} & {*metadata.tables, *READ_ONLY_TABLES}):
        if table in READ_ONLY_TABLES:
            yield table, READ
        elif table in PASSING_TABLES:
            yield table, ANYTHING
        else:
            # Nothing that a past session refers to is ever deleted.
            yield table, ADD if table in APPEND_ONLY_TABLES else CHANGE
