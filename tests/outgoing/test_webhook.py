"""The webhook: signed as Standard Webhooks says, sent where it was meant to go, or not sent."""

import base64
import errno
import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from urllib3.exceptions import InsecureRequestWarning

from app.domain.audit_copies import CannotSend, Record
from app.outgoing import webhook
from app.outgoing.webhook import Webhook, signature
from tests.outgoing.conftest import trust
from tests.outgoing.receivers import free_port, server_context, stream, web
from tests.outgoing.sending import NOW, checkpoint, record, records
from tests.twins import fails_without, line, together, value

OLD, NEW = b"the old secret of the receiver..", b"the new secret of the receiver.."
WINDOW = timedelta(minutes=5)


def hook(url: str, *secrets: bytes, private: bool = True, timeout: float = 10) -> Webhook:
    return Webhook(url, secrets or (OLD,), private, connect_timeout=timeout, read_timeout=timeout)


def send(url: str, what: list[Record], *secrets: bytes, now: datetime = NOW) -> None:
    hook(url, *secrets).send(what, now=now)


def is_genuine(headers: Mapping[str, str], body: bytes, secret: bytes, *, now: datetime) -> bool:
    """A receiver's own few lines, after the specification and not after our code."""
    sent = int(headers["webhook-timestamp"])
    if abs(now.timestamp() - sent) > WINDOW.total_seconds():
        return False
    signed = f"{headers['webhook-id']}.{sent}.".encode() + body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    given = [one.split(",") for one in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(value, expected) for version, value in given)


@pytest.mark.requirement("O1")
def test_the_signature_is_the_published_one() -> None:
    """The example that the libraries of Standard Webhooks are tested with."""
    made = signature(
        base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        id_="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        content=b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.requirement("L14")
def test_a_batch_comes_as_one_request_with_the_records_in_order() -> None:
    batch = [*records(1, 3), checkpoint(3)]
    with web() as received:
        send(received.url, batch)
    (asked,) = received.asked
    content = json.loads(asked.body)
    assert content["type"] == "audit.records"
    assert content["records"] == [json.loads(one.line) for one in batch]
    assert asked.path == "/hooks?token=secret"
    assert asked.headers["Host"] == f"127.0.0.1:{received.port}"
    assert asked.headers["Content-Type"] == "application/json"


@pytest.mark.requirement("O1")
@fails_without(
    line(
        webhook.signature,
        'hmac.digest(secret, signed, "sha256")',
        "hashlib.sha256(signed).digest()",
    )
)
def test_a_receiver_can_tell_that_it_is_from_us() -> None:
    with web() as received:
        send(received.url, records(1, 3))
    (asked,) = received.asked
    assert is_genuine(asked.headers, asked.body, OLD, now=NOW)
    assert not is_genuine(asked.headers, asked.body, NEW, now=NOW)
    assert not is_genuine(asked.headers, asked.body.replace(b"1", b"2"), OLD, now=NOW)
    altered = asked.headers | {"webhook-id": "msg_other"}
    assert not is_genuine(altered, asked.body, OLD, now=NOW)


@pytest.mark.requirement("O1")
@fails_without(
    line(webhook.signature, "(id_.encode(), timestamp, content)", "(id_.encode(), 0, content)")
)
def test_what_is_sent_again_by_somebody_else_is_too_old_soon() -> None:
    with web() as received:
        send(received.url, records(1, 3))
    (asked,) = received.asked
    assert is_genuine(asked.headers, asked.body, OLD, now=NOW + timedelta(minutes=4))
    late = NOW + WINDOW + timedelta(seconds=1)
    assert not is_genuine(asked.headers, asked.body, OLD, now=late)
    younger = asked.headers | {"webhook-timestamp": str(int(late.timestamp()))}
    assert not is_genuine(younger, asked.body, OLD, now=late)


@pytest.mark.requirement("O1")
@fails_without(line(Webhook._headers, "for one in self.secrets", "for one in self.secrets[:1]"))
def test_while_the_secret_changes_both_sign() -> None:
    with web() as received:
        send(received.url, records(1, 3), NEW, OLD)
    (asked,) = received.asked
    for secret in (OLD, NEW):
        assert is_genuine(asked.headers, asked.body, secret, now=NOW)


@pytest.mark.requirement("O1", "O3")
@fails_without(
    line(
        Webhook._headers,
        "hashlib.sha256(content).hexdigest()",
        "hashlib.sha256(content).hexdigest() + str(now)",
    )
)
def test_a_batch_that_is_sent_again_has_its_id_and_a_new_time() -> None:
    later = NOW + timedelta(hours=1)
    with web(503) as received:
        with pytest.raises(CannotSend):
            send(received.url, records(1, 3))
        send(received.url, records(1, 3), now=later)
        send(received.url, records(1, 4), now=later)
    first, again, more = received.asked
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert more.headers["webhook-id"] != again.headers["webhook-id"]
    assert is_genuine(again.headers, again.body, OLD, now=later)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_it_is_taken_when_the_answer_says_so(status: int) -> None:
    with web(status) as received:
        send(received.url, records(1, 3))


@pytest.mark.parametrize("status", [304, 400, 401, 404, 410, 413, 429, 500, 503])
def test_any_other_answer_is_a_no(status: int) -> None:
    with web(status) as received, pytest.raises(CannotSend, match=f"it answered {status}"):
        send(received.url, records(1, 3))


@pytest.mark.requirement("O2")
@fails_without(line(Webhook._post_to, "retries=False,\n                redirect=False,"))
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_sent_where_somebody_else_points(status: int) -> None:
    with web() as elsewhere, web(status) as received:
        received.location = elsewhere.url
        with pytest.raises(CannotSend, match=f"it answered {status}"):
            send(received.url, records(1, 3))
    assert (len(received.asked), elsewhere.asked) == (1, [])


@pytest.mark.requirement("O2", "F9")
def test_whoever_does_not_answer_is_not_waited_for() -> None:
    leave = threading.Event()
    with web(before=leave.wait) as received:
        with pytest.raises(CannotSend, match="it did not answer in time"):
            hook(received.url, timeout=0.2).send(records(1, 3), now=NOW)
        leave.set()


def answer_badly(_: Any, connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"220 mail.example.com ESMTP\r\n")


def hang_up(_: Any, connection: socket.socket) -> None:
    connection.recv(65536)


def test_what_is_no_web_server_is_said_in_words() -> None:
    for handle in (answer_badly, hang_up):
        with stream(handle) as received, pytest.raises(CannotSend):
            send(f"http://127.0.0.1:{received.port}/", records(1, 3))
    with pytest.raises(CannotSend, match="Connection refused"):
        send(f"http://127.0.0.1:{free_port()}/", records(1, 3))


@pytest.mark.requirement("K4")
@fails_without(line(Webhook.name, "{parts.scheme}://{parts.netloc}", "{self.url}"))
def test_no_secret_is_in_what_can_be_seen() -> None:
    target = hook(f"http://127.0.0.1:{free_port()}/services/hunter2?token=hunter2", b"hunter2")
    with pytest.raises(CannotSend) as failed:
        target.send(records(1, 3), now=NOW)
    assert "hunter2" not in f"{target!r} {target.name}"
    assert str(failed.value) == "Connection refused"


def leading_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names lead to these addresses, in turn; return who is asked for."""
    asked: list[str] = []
    left, original = iter(answers), socket.getaddrinfo

    def resolve(host: str, port: int, *arguments: Any, **named: Any) -> list[Any]:
        if host[0].isdigit():
            return list(original(host, port, *arguments, **named))
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (one, port)) for one in next(left)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.requirement("O2")
@fails_without(
    together(
        line(Webhook._addresses, "if not self.private and", "if False and"),
        value(Webhook, "_post_to", lambda *_: 200),
    )
)
@pytest.mark.parametrize(
    "found",
    [["127.0.0.1"], ["10.0.0.5"], ["169.254.169.254"], ["8.8.8.8", "10.0.0.5"], ["::1"]],
)
def test_a_name_that_leads_into_our_network_is_refused(
    monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    leading_to(monkeypatch, found)
    with pytest.raises(CannotSend, match="private network"):
        hook("https://siem.example.com/", private=False).send(records(1, 3), now=NOW)


@pytest.mark.requirement("O2")
@fails_without(
    line(
        Webhook._pool,
        "urllib3.HTTPSConnectionPool(\n            address,",
        "urllib3.HTTPSConnectionPool(\n            parts.hostname,",
    )
)
def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that leads elsewhere a moment later gains nothing."""
    called: list[str] = []

    def connect(_: socket.socket, address: tuple[str, int]) -> None:
        called.append(address[0])
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    asked = leading_to(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(CannotSend, match="Connection refused"):
        hook("https://siem.example.com/", private=False).send(records(1, 3), now=NOW)
    assert (asked, called) == (["siem.example.com"], ["8.8.8.8"])


@pytest.mark.requirement("O2")
@fails_without(line(Webhook._addresses, "if not self.private and", "if False and"))
def test_a_receiver_in_our_network_is_called_if_that_is_set() -> None:
    with web() as received:
        with pytest.raises(CannotSend, match="private network"):
            hook(received.url, private=False).send(records(1, 3), now=NOW)
        hook(received.url, private=True).send(records(1, 3), now=NOW)
    assert len(received.asked) == 1


def test_the_second_address_is_tried_when_nobody_is_at_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with web() as received:
        leading_to(monkeypatch, ["127.0.0.9", "127.0.0.1"])
        send(received.url.replace("127.0.0.1", "siem.example.com"), records(1, 3))
    assert received.asked[0].headers["Host"] == f"siem.example.com:{received.port}"


def test_it_goes_over_tls_to_whom_we_know(tls: ssl.SSLContext) -> None:
    with web(tls=tls) as received:
        send(f"https://localhost:{received.port}/hooks", records(1, 3))
    assert received.asked[0].path == "/hooks"


@pytest.mark.requirement("O2")
@fails_without(
    line(Webhook._pool, "ssl.create_default_context()", "ssl._create_unverified_context()"),
    raises=(InsecureRequestWarning,),
)
def test_over_tls_a_stranger_gets_nothing(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server_context(
        certificates / "other.example.pem", certificates / "other.example-key.pem"
    )
    with web(tls=context) as received:
        url = f"https://localhost:{received.port}/hooks"
        with pytest.raises(CannotSend, match="certificate is not trusted"):
            send(url, records(1, 3))
        trust(certificates / "other.example.pem", monkeypatch)
        with pytest.raises(CannotSend, match="certificate is not trusted"):
            send(url, records(1, 3))
    assert received.asked == []


def test_a_problem_is_one_short_line() -> None:
    problem = str(CannotSend("one\r\ntwo\x1b \u2028three " + "x" * 1000))
    assert problem.startswith("one two")
    assert len(problem) <= 200
    assert problem.isprintable()


def test_a_large_event_arrives_whole() -> None:
    with web() as received:
        send(received.url, [record(1, size=2_000_000)])
    assert len(received.asked[0].body) > 2_000_000


@pytest.mark.requirement("O1", "H3")
def test_who_is_told_of_alerts_can_tell_them_from_a_copy() -> None:
    with web() as received:
        target = Webhook(received.url, (OLD,), private=True, topics=frozenset({"alert.raised"}))
        target.send([record(7, topic="alert.raised")], now=NOW)
    (asked,) = received.asked
    assert json.loads(asked.body)["type"] == "alert.records"
    assert is_genuine(asked.headers, asked.body, OLD, now=NOW)
    assert target.name == f"alerts to http://127.0.0.1:{received.port}"
    assert not target.takes_checkpoints
