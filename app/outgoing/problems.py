"""Why something could not be sent, in words that repeat no secret."""

import errno
import ssl

HUNG_UP = "it closed the connection"


def in_words(error: BaseException) -> str:
    """Return what stood in the way.

    Libraries wrap what happened, and some put the address asked for into their message, which
    may be a secret. So only the system's own words are taken, from the error behind it all.
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, OSError):
        behind = behind.__cause__ or behind.__context__
    match behind:
        case None:
            return type(error).__name__
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {behind.verify_message}"
        case TimeoutError():
            return "it did not answer in time"
        case ssl.SSLEOFError():
            return HUNG_UP
        case OSError(errno=errno.ECONNRESET | errno.EPIPE | errno.ENOTCONN):
            return HUNG_UP
        case _:
            return behind.strerror or type(behind).__name__
