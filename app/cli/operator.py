"""The operator's tool: `flask <command>`. It needs the settings, not a running site."""

from flask import Flask

from app.cli import admins, api_keys, audit, checks, database, demo, directory, keys

operator = Flask("understudy")
for group in (
    admins.commands,
    api_keys.commands,
    audit.commands,
    database.commands,
    demo.commands,
    directory.commands,
    keys.commands,
):
    operator.cli.add_command(group)
operator.cli.add_command(checks.check)
