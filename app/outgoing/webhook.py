"""A copy of the trail at a web server of somebody else's: signed batches, by POST.

The headers and the signature are those of Standard Webhooks, so a receiver can use its libraries.
"""

import base64
import hashlib
import hmac
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import urllib3

from app.domain.audit_copies import CannotSend, Record
from app.outgoing import addresses
from app.outgoing.problems import in_words

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
PORTS = {"http": 80, "https": 443}
NOBODY_THERE = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
TYPE, ALERTS_TYPE = "audit.records", "alert.records"


@dataclass(frozen=True)
class Webhook:
    """A receiver at `url`. It has taken a batch when it answers 2xx; no redirect is followed.

    Each of the `secrets` signs, so that a receiver can go over from one to the next. Unless
    `private`, the receiver must be out in the world: no address of our own network is called,
    whatever its name leads to by now. With `topics` it is told of those alone, and gets no copy.
    The timeouts are in seconds.
    """

    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)
    private: bool = False
    topics: frozenset[str] | None = None
    connect_timeout: float = CONNECT_SECONDS
    read_timeout: float = READ_SECONDS

    @property
    def takes_checkpoints(self) -> bool:
        """Whether it gets the checkpoints, as a copy does."""
        return self.topics is None

    @property
    def name(self) -> str:
        """Which receiver it is; its path may be a secret."""
        parts = urlsplit(self.url)
        what = "webhook" if self.topics is None else "alerts to"
        return f"{what} {parts.scheme}://{parts.netloc}"

    def send(self, records: Sequence[Record], *, now: datetime) -> None:
        """Return once the receiver has taken the batch; raise CannotSend if it has not."""
        content = body(records, TYPE if self.topics is None else ALERTS_TYPE)
        try:
            status = self._post(content, self._headers(content, now))
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise CannotSend(in_words(error)) from error
        if not HTTPStatus(200) <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise CannotSend(f"it answered {status}")

    def _headers(self, content: bytes, now: datetime) -> dict[str, str]:
        # The same batch has the same id each time it is sent, the time is that of each attempt.
        id_ = f"msg_{hashlib.sha256(content).hexdigest()}"
        timestamp = int(now.timestamp())
        signatures = (
            signature(one, id_=id_, timestamp=timestamp, content=content) for one in self.secrets
        )
        return {
            "Host": urlsplit(self.url).netloc,
            "Content-Type": "application/json",
            "User-Agent": "understudy",
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }

    def _post(self, content: bytes, headers: dict[str, str]) -> int:
        """Return the status of the answer; nothing else of it is read."""
        failure: urllib3.exceptions.HTTPError | None = None
        for address in self._addresses():
            try:
                return self._post_to(address, content, headers)
            except NOBODY_THERE as error:
                failure = error
        raise failure or CannotSend("its name leads nowhere")

    def _addresses(self) -> list[str]:
        parts = urlsplit(self.url)
        found = addresses.resolve(parts.hostname or "", parts.port or PORTS[parts.scheme])
        if not self.private and not all(addresses.is_public(one) for one in found):
            raise CannotSend("its name leads to an address of a private network")
        return found

    def _post_to(self, address: str, content: bytes, headers: dict[str, str]) -> int:
        parts = urlsplit(self.url)
        with self._pool(address) as pool:
            answer = pool.urlopen(
                "POST",
                f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
                body=content,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            answer.close()
        return answer.status

    def _pool(self, address: str) -> urllib3.HTTPConnectionPool:
        """Return the connection to an address that was looked at, whatever the name says by now."""
        parts = urlsplit(self.url)
        timeout = urllib3.Timeout(connect=self.connect_timeout, read=self.read_timeout)
        if parts.scheme == "http":
            return urllib3.HTTPConnectionPool(address, parts.port, timeout=timeout)
        return urllib3.HTTPSConnectionPool(
            address,
            parts.port,
            timeout=timeout,
            ssl_context=ssl.create_default_context(),
            server_hostname=parts.hostname,
        )


def body(records: Sequence[Record], type_: str = TYPE) -> bytes:
    """Return a batch as JSON: each record as it stands in the other copies, in order."""
    lines = ",".join(record.line for record in records)
    return f'{{"type":"{type_}","records":[{lines}]}}'.encode("ascii")


def signature(secret: bytes, *, id_: str, timestamp: int, content: bytes) -> str:
    """Return the signature of Standard Webhooks over id, time and content."""
    signed = b"%s.%d.%s" % (id_.encode(), timestamp, content)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
