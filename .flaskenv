# The operator's commands: `flask --help` lists them.
FLASK_APP=app.cli.operator:operator
