"""Sending to a receiver that acknowledges nothing, and knowing that it has read everything.

A byte that was sent may wait in this machine's memory, on the way or in the other machine's. But
who has read to the end of a connection closes it in turn: so each delivery has a connection of
its own, whose end is awaited.
"""

import contextlib
import errno
import fcntl
import os
import socket
import ssl
import struct
import termios
import time

LOOK_AGAIN_SECONDS = 0.005
BLOCK = 4096


def deliver(connection: socket.socket, data: bytes, *, timeout: float) -> None:
    """Send the data and return once the other side has read all of it.

    `timeout` is in seconds, for each step. Raises OSError if the connection broke, or if the
    other side ended it by itself.
    """
    connection.settimeout(timeout)
    connection.sendall(data)
    _await_acknowledgement(connection, until=time.monotonic() + timeout)
    # Who closes before our bytes come looks like who has read them. Now that all are there, an
    # end that came first can be told from the one that is to follow ours.
    _refuse_an_end(connection)
    connection.settimeout(timeout)
    _end(connection)


def _await_acknowledgement(connection: socket.socket, *, until: float) -> None:
    """Wait until the other machine has everything, though its receiver may not have read it."""
    while _on_the_way(connection):
        if error := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error))
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(LOOK_AGAIN_SECONDS)


def _on_the_way(connection: socket.socket) -> int:
    # What is a terminal's output queue is on Linux a socket's, too.
    (count,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
    return int(count)


def _refuse_an_end(connection: socket.socket) -> None:
    connection.settimeout(0)
    with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
        while connection.recv(BLOCK):
            pass
        raise ConnectionResetError(errno.ECONNRESET, "ended before our end")


def _end(connection: socket.socket) -> None:
    """Say that this was all, and wait until the other side says so too."""
    if isinstance(connection, ssl.SSLSocket):
        # Many close without saying so in TLS first.
        with contextlib.suppress(ssl.SSLEOFError):
            connection.unwrap()
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(BLOCK):
        pass
