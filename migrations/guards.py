"""Triggers that refuse changes, for both engines.

They are the first fence, not the proof: whoever owns the database can take them down. What is
changed then is found by `flask audit verify`.
"""

from alembic import op

MESSAGE = "the audit trail is append-only"


def refuse(name: str, change: str, table: str, *, when: str = "true") -> None:
    """Refuse `change` (INSERT, UPDATE or DELETE) of a row of the table where `when` holds.

    A trigger that refuses UPDATE and DELETE does not see SQLite's INSERT OR REPLACE, which deletes
    without saying so: a table needs a condition on INSERT too.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {change} ON {table} WHEN {when}"
            f" BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )
        return
    row = "OLD" if change == "DELETE" else "NEW"
    _create_function(name, f"IF {when} THEN RAISE EXCEPTION '{MESSAGE}'; END IF; RETURN {row};")
    _create_trigger(name, f"BEFORE {change} ON {table} FOR EACH ROW", table)


def refuse_truncate(table: str) -> None:
    """Refuse TRUNCATE, which no trigger on rows sees; SQLite has none."""
    if op.get_bind().dialect.name == "postgresql":
        name = f"{table}_no_truncate"
        _create_function(name, f"RAISE EXCEPTION '{MESSAGE}';")
        _create_trigger(name, f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT", table)


def drop(name: str, table: str) -> None:
    """Drop a trigger and its function, to put another one in its place."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER {name}")
        return
    op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute(f"DROP FUNCTION {name}()")


def drop_table(table: str, *triggers: str) -> None:
    """Drop a table and the functions of its triggers."""
    op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for name in (*triggers, f"{table}_no_truncate"):
            op.execute(f"DROP FUNCTION {name}()")


def fact(row: str, name: str, *, number: bool = False) -> str:
    """Return the SQL for one of the facts of an event."""
    if op.get_bind().dialect.name == "sqlite":
        return f"json_extract({row}.facts, '$.{name}')"
    found = f"({row}.facts::json ->> '{name}')"
    return f"{found}::bigint" if number else found


def no_hash() -> str:
    """Return the SQL for what the first event of all follows: 32 zero bytes."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    return "zeroblob(32)" if sqlite else "decode(repeat('00', 32), 'hex')"


def _create_function(name: str, body: str) -> None:
    # Its tables are those of this schema: nobody's temporary ones can stand in for them.
    schema = op.get_bind().dialect.default_schema_name
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
        f" SET search_path = {schema}, pg_temp AS $$ BEGIN {body} END $$"
    )


def _create_trigger(name: str, event: str, table: str) -> None:
    op.execute(f"CREATE TRIGGER {name} {event} EXECUTE FUNCTION {name}()")
    # Without this, a session that calls itself a replica walks past.
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
