"""Syslog: messages as RFC 5424 and 6587 write them, and when they count as taken."""

import re
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.audit_copies import CHECKPOINT, EVENT, CannotSend, Record
from app.domain.audit_trail import AuditAction
from app.outgoing import streams
from app.outgoing.syslog import Syslog, message
from tests.outgoing.conftest import trust
from tests.outgoing.receivers import Stream, free_port, server_context, stream
from tests.outgoing.sending import NOW, checkpoint, record, records
from tests.twins import each_fails_without, fails_without, line, together

# After the grammar of RFC 5424, section 6, as far as we use it.
GRAMMAR = re.compile(
    r"<(?P<priority>\d{1,3})>1 "
    r"(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00) "
    r"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) - (?P<topic>[!-~]{1,32}) "
    r'\[(?P<id>[^ =\]"]{1,32}) (?P<kind>[^ =\]"]{1,32})="(?P<number>\d+)"\] '
    r"(?P<text>[ -~]*)"
)


def parsed(text: str) -> dict[str, str]:
    found = GRAMMAR.fullmatch(text)
    assert found, text
    return found.groupdict()


def send(scheme: str, port: int, what: list[Record], *, timeout: float = 10) -> None:
    # Over TLS the name matters; our receivers listen on 127.0.0.1 alone.
    host = "localhost" if scheme == "tls" else "127.0.0.1"
    Syslog(f"{scheme}://{host}:{port}", "admin.example.com", timeout).send(what, now=NOW)


@pytest.mark.requirement("L14")
def test_a_message_says_what_happened_when_and_under_which_number() -> None:
    event = parsed(message(record(17), "admin.example.com").decode())
    assert event == {
        "priority": "110",
        "at": "2026-03-02T09:00:17.123456+00:00",
        "host": "admin.example.com",
        "app": "understudy",
        "topic": "sign_in.succeeded",
        "id": "understudy@32473",
        "kind": EVENT,
        "number": "17",
        "text": record(17).line,
    }


def test_what_went_wrong_is_a_warning() -> None:
    failed = record(1, topic="sign_in.failed", succeeded=False)
    assert parsed(message(failed, "h").decode())["priority"] == "108"


def test_a_checkpoint_cannot_be_taken_for_an_event() -> None:
    found = parsed(message(checkpoint(20), "h").decode())
    assert (found["kind"], found["topic"], found["number"]) == (CHECKPOINT, CHECKPOINT, "20")


@pytest.mark.parametrize("action", AuditAction)
def test_every_action_fits_into_the_head(action: AuditAction) -> None:
    assert parsed(message(record(1, topic=action), "h").decode())["topic"] == action


@pytest.mark.requirement("X4")
@given(topic=st.text(), host=st.text())
def test_whatever_stands_in_the_head_it_stays_one_message(topic: str, host: str) -> None:
    found = parsed(message(record(7, topic=topic), host).decode())
    assert (found["number"], found["text"]) == ("7", record(7).line)


def test_the_names_in_the_head_are_cut_to_what_it_holds() -> None:
    found = parsed(message(record(7, topic="x" * 100), "h" * 300).decode())
    assert (len(found["topic"]), len(found["host"])) == (32, 255)
    assert parsed(message(record(7, topic=""), "").decode())["topic"] == "-"


def test_messages_come_framed_by_their_lengths() -> None:
    with stream() as received:
        send("tcp", received.port, records(1, 2000))
        send("tcp", received.port, records(2001, 2002))
    numbers = [int(parsed(one)["number"]) for one in received.messages]
    assert numbers == [*range(1, 2003)]


def test_a_batch_that_is_empty_is_taken_too() -> None:
    with stream() as received:
        send("tcp", received.port, [])
    assert received.messages == []


def hang_up(_: Stream, connection: socket.socket) -> None:
    connection.close()


def hang_up_half_way(_: Stream, connection: socket.socket) -> None:
    connection.recv(100)
    connection.close()


@pytest.mark.requirement("O3")
@pytest.mark.parametrize("handle", [hang_up, hang_up_half_way])
@pytest.mark.parametrize("last", [3, 2000])
def test_what_was_not_read_does_not_count_as_taken(
    handle: Callable[[Stream, socket.socket], None], last: int
) -> None:
    with stream(handle) as received, pytest.raises(CannotSend, match="closed the connection"):
        send("tcp", received.port, records(1, last))


def end_first(_: Stream, connection: socket.socket) -> None:
    """Say that this was all before anything came."""
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass


@pytest.mark.requirement("O3")
@fails_without(line(streams.deliver, "_refuse_an_end(connection)"))
def test_an_end_that_came_before_ours_does_not_count() -> None:
    with (
        stream(end_first) as received,
        socket.create_connection(("127.0.0.1", received.port)) as one,
    ):
        assert one.recv(1) == b""
        with pytest.raises(ConnectionResetError):
            streams.deliver(one, b"17 <110>1 and so on", timeout=10)


@pytest.mark.requirement("O3")
def test_an_end_while_something_is_on_its_way_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The receiver takes nothing, and ends just when we say that this was all."""
    ending, end = threading.Event(), streams._end

    def watched(connection: socket.socket) -> None:
        ending.set()
        end(connection)

    def end_meanwhile(_: Stream, connection: socket.socket) -> None:
        ending.wait()
        connection.shutdown(socket.SHUT_WR)

    monkeypatch.setattr(streams, "_end", watched)
    with (
        stream(end_meanwhile) as received,
        socket.create_connection(("127.0.0.1", received.port)) as one,
    ):
        with pytest.raises(TimeoutError):
            streams.deliver(one, b"x" * 100_000, timeout=0.2)
        ending.set()


UNREAD = together(
    line(
        streams.deliver,
        "_await_acknowledgement(connection, until=time.monotonic() + timeout)",
    ),
    line(streams.deliver, "\n    _end(connection)"),
)


@pytest.mark.requirement("F9")
# More than this machine takes in for it cannot even be sent.
@each_fails_without("last", {"3": UNREAD, "2000": UNREAD, "20000": None})
def test_a_receiver_that_never_reads_has_taken_nothing(last: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CannotSend, match="did not answer in time"):
            send("tcp", port, records(1, int(last)), timeout=0.2)


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_nobody_there(scheme: str) -> None:
    with pytest.raises(CannotSend, match="Connection refused"):
        send(scheme, free_port(), records(1, 3))


def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for scheme in ("udp", "tcp", "tls"):
        with pytest.raises(CannotSend, match="Name or service not known"):
            send(scheme, 514, records(1, 3))


def test_over_udp_each_message_is_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        send("udp", server.getsockname()[1], [*records(1, 3), checkpoint(3)])
        received = [server.recv(65536).decode() for _ in range(4)]
    assert [parsed(one)["text"] for one in received[:3]] == [one.line for one in records(1, 3)]
    assert parsed(received[3])["kind"] == CHECKPOINT


def test_over_udp_nobody_there_is_noticed_by_the_next_message() -> None:
    with pytest.raises(CannotSend, match="Connection refused"):
        send("udp", free_port(), records(1, 2))


def test_over_udp_too_long_a_message_is_said_to_be() -> None:
    with pytest.raises(CannotSend, match="Message too long"):
        send("udp", free_port(), [record(1, size=70_000)])


def say_goodbye(received: Stream, connection: socket.socket) -> None:
    """End as TLS wants it; most receivers just close."""
    received.read(connection)
    assert isinstance(connection, ssl.SSLSocket)
    connection.unwrap()


@pytest.mark.parametrize("handle", [Stream.read, say_goodbye])
def test_messages_come_over_tls(
    tls: ssl.SSLContext, handle: Callable[[Stream, socket.socket], None]
) -> None:
    with stream(handle, tls=tls) as received:
        send("tls", received.port, records(1, 2000))
    numbers = [int(parsed(one)["number"]) for one in received.messages]
    assert numbers == [*range(1, 2001)]


@pytest.mark.requirement("O3")
@pytest.mark.parametrize("handle", [hang_up, hang_up_half_way])
def test_over_tls_what_was_not_read_does_not_count_as_taken(
    tls: ssl.SSLContext, handle: Callable[[Stream, socket.socket], None]
) -> None:
    with (
        stream(handle, tls=tls) as received,
        pytest.raises(CannotSend, match="closed the connection"),
    ):
        send("tls", received.port, records(1, 2000))


def test_a_certificate_that_nobody_vouches_for_is_refused(certificates: Path) -> None:
    context = server_context(certificates / "localhost.pem", certificates / "localhost-key.pem")
    with (
        stream(tls=context) as received,
        pytest.raises(CannotSend, match="certificate is not trusted: self-signed"),
    ):
        send("tls", received.port, records(1, 3))
    assert received.messages == []


def test_the_certificate_of_another_host_is_refused(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificates / "other.example.pem"
    trust(certificate, monkeypatch)
    context = server_context(certificate, certificates / "other.example-key.pem")
    with (
        stream(tls=context) as received,
        pytest.raises(CannotSend, match="not valid for 'localhost'"),
    ):
        send("tls", received.port, records(1, 3))


def test_a_receiver_without_tls_gets_nothing(tls: ssl.SSLContext) -> None:
    with stream(hang_up_half_way) as received, pytest.raises(CannotSend):
        send("tls", received.port, records(1, 3))
