"""A copy of the trail at a syslog receiver: RFC 5424 over UDP, TCP or TLS."""

import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from app.domain.audit_copies import CannotSend, Record
from app.outgoing.problems import in_words
from app.outgoing.streams import deliver

APP_NAME = "understudy"
# RFC 5424 has a facility for audits.
FACILITY = 13
WARNING, INFORMATIONAL = 4, 6
# Nobody has registered a number for us: RFC 5612 reserves this one for examples.
STRUCTURED_DATA = "understudy@32473"
NOT_IN_A_NAME = re.compile(r"[^!-~]")
LONGEST_MESSAGE_ID, LONGEST_HOST = 32, 255

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Syslog:
    """A receiver at `url`, which is udp://, tcp:// or tls:// with a host and a port.

    `origin` is the host that messages say they come from, `timeout` is in seconds.

    Syslog acknowledges nothing. Over TCP and TLS each batch has a connection of its own, and
    counts as taken once the receiver has read to its end and closed it in turn. Over UDP it
    counts as taken when it is sent: what the network or a busy receiver drops is lost, and a
    receiver that is down is at best noticed by the next message.
    """

    url: str
    origin: str
    timeout: float = TIMEOUT_SECONDS

    takes_checkpoints = True
    topics = None

    @property
    def name(self) -> str:
        """Which receiver it is."""
        return f"syslog {self.url}"

    def send(self, records: Sequence[Record], *, now: datetime) -> None:
        """Return once the receiver has the messages; raise CannotSend if it does not."""
        messages = [message(record, self.origin) for record in records]
        parts = urlsplit(self.url)
        address = (parts.hostname or "", parts.port or 0)
        try:
            match parts.scheme:
                case "udp":
                    self._send_datagrams(address, messages)
                case "tls":
                    with self._connected(address) as plain, self._secured(plain, address[0]) as tls:
                        deliver(tls, frames(messages), timeout=self.timeout)
                case _:
                    with self._connected(address) as connection:
                        deliver(connection, frames(messages), timeout=self.timeout)
        except OSError as error:
            raise CannotSend(in_words(error)) from error

    def _send_datagrams(self, address: tuple[str, int], messages: Sequence[bytes]) -> None:
        family, kind, protocol, _, where = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as connection:
            connection.settimeout(self.timeout)
            # Connected, it hears when there is no receiver.
            connection.connect(where)
            for one in messages:
                connection.send(one)

    def _connected(self, address: tuple[str, int]) -> socket.socket:
        return socket.create_connection(address, timeout=self.timeout)

    def _secured(self, connection: socket.socket, host: str) -> ssl.SSLSocket:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=host)


def message(record: Record, origin: str) -> bytes:
    """Return the RFC 5424 message of a record: its line, and its number as structured data.

    All of it is ASCII, so the text needs no byte order mark and no line feed ends it early.
    """
    severity = INFORMATIONAL if record.succeeded else WARNING
    at = record.at.isoformat(timespec="microseconds")
    host, topic = _name(origin, LONGEST_HOST), _name(record.topic, LONGEST_MESSAGE_ID)
    structured = f'[{STRUCTURED_DATA} {record.kind}="{record.number}"]'
    head = f"<{FACILITY * 8 + severity}>1 {at} {host} {APP_NAME} - {topic} {structured}"
    return f"{head} {record.line}".encode("ascii")


def frames(messages: Sequence[bytes]) -> bytes:
    """Return the messages as a stream carries them (RFC 6587): each behind its length in bytes."""
    return b"".join(b"%d %s" % (len(one), one) for one in messages)


def _name(text: str, longest: int) -> str:
    """Return the text as the head of a message can hold it, whoever wrote it."""
    return NOT_IN_A_NAME.sub("?", text)[:longest] or "-"
