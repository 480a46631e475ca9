"""What a request leaves: an id in its answer, a line without people, figures."""

import logging
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY

from app.web import errors, measuring
from app.web.application import Application
from tests import cast
from tests.browsing import FROM_HERE, Browser
from tests.conftest import on_sqlite
from tests.faults import unwritable_trail
from tests.twins import fails_without, line

pytestmark = on_sqlite

WITH_KEY = {"Authorization": f"Bearer {cast.API_KEY}"}
REDEMPTIONS = "/api/v1/handoffs/redemptions"


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.mark.requirement("L2")
def test_an_answer_has_the_id_of_its_request(client: FlaskClient) -> None:
    body = {"email": "x@example.com", "password": "x"}
    answers = [client.get(path) for path in ("/sign-in", "/no/such/page", "/healthz", "/members")]
    answers.append(client.get("/", base_url="http://evil.example"))
    ids = {answer.headers["X-Request-ID"] for answer in answers}
    assert len(ids) == len(answers)
    ticket = client.post(REDEMPTIONS, json=body, headers=WITH_KEY)
    assert len(ticket.headers["X-Request-ID"]) == 32


@pytest.mark.failure("X26")
@pytest.mark.requirement("K4", "D5")
@fails_without(line(measuring._route, "request.url_rule.rule", "request.path"))
def test_its_line_and_its_figures_name_the_route_alone(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "understudy.requests")
    labels = {"method": "GET", "route": "/members/<member_id>", "status": "303"}
    before = figure("understudy_requests_total", **labels)
    client.get("/members/mia?q=mia@harbour.example")
    client.get("/mia@harbour.example")
    client.open("/", method="MIA")
    assert caplog.messages == ["GET /members/<member_id> 303", "GET none 404", "other none 405"]
    fields: Any = caplog.records[0]
    assert fields.fields["route"] == "/members/<member_id>"
    assert figure("understudy_requests_total", **labels) == before + 1
    assert figure("understudy_request_seconds_count", route="none") >= 1


@pytest.mark.requirement("D5", "L3")
@fails_without(line(errors._database_error, "measuring.NOT_RECORDED.inc()", "pass"))
def test_what_could_not_be_recorded_is_counted(admin_app: Application, client: FlaskClient) -> None:
    before = figure("understudy_audit_write_failures_total")
    stranger = Browser(client)
    typed = stranger.get("/sign-in").form("/sign-in") | {"email": "x@example.com", "password": "x"}
    with unwritable_trail(admin_app.database.engine):
        assert client.get("/sign-in").status_code == 200
        assert client.post("/sign-in", data=typed, headers=FROM_HERE).status_code == 503
    assert figure("understudy_audit_write_failures_total") == before + 1


@pytest.mark.requirement("D1", "D5")
@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "/metrics/", "/api/v1/metrics", "/debug", "/console", "/server-status"),
        *("/.git/config", "/.env", "/.well-known/", "/static/", "/static/css/", "/backup.sql"),
        *(
            "/var/understudy.db",
            "/understudy.db",
            "/openapi.json",
            "/swagger",
            "/admin",
            "/phpmyadmin",
        ),
    ],
)
def test_the_site_itself_shows_none(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
