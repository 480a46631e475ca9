"""Checks a proof of one event with nothing of Understudy: `python check_proof.py PROOF KEY`.

PROOF is what `flask audit prove` has printed. KEY is the public key of the trail, from a source
that you trust. It needs Python 3.11 and the package cryptography. docs/audit-trail.md says why
each step is as it is; write your own in any other language.
"""

import base64
import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "understudy/audit-inclusion-proof/v1"
FIELDS = (
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "subject_id",
    "account_id",
    "impersonation_id",
    "request_id",
)


DIGESTS = ("words_digest", "previous_hash", "hash")
# Exactly these: what stands beside them would be covered by nothing.
MEMBERS = {"format", "event", "leaf_index", "tree_size", "proof", "checkpoint", "key"}
EVENT_MEMBERS = {"id", "at", *FIELDS, "facts", "words", "salt", *DIGESTS}


def check(proof: dict[str, Any], key: str) -> None:
    """Raise an error unless the key's owner has signed a trail that holds the event."""
    event, checkpoint = proof["event"], proof["checkpoint"]
    same(proof["format"], FORMAT, "the format")
    same(sorted(proof), sorted(MEMBERS), "the members of the proof")
    same(sorted(event), sorted(EVENT_MEMBERS), "the members of the event")
    for number in (event["id"], proof["leaf_index"], proof["tree_size"]):
        same(type(number), int, "a number")
    same(at_of(event).isoformat(timespec="microseconds"), event["at"], "the time")
    # A salt without words would let anybody say that there were none, words without it anything.
    same(event["words"] is None, event["salt"] is None, "the words")
    if event["words"] is not None:
        same(digest_of_words(event), event["words_digest"], "the words")
    same(hash_of(event), event["hash"], "the event")
    text, root = signed(checkpoint, key)
    same(str(proof["tree_size"]), text.split("\n")[1], "the size")
    same(root_from(proof).hex(), root.hex(), "the root")
    tell(event, "Good: this event is in the trail that was signed as", *text.split("\n")[:2])


def tell(event: dict[str, Any], *good: str) -> None:
    """Print what has been proved, all of it and nothing else."""
    print(*good)  # noqa: T201
    for name in ("id", "at", *FIELDS, "facts"):
        print(f"  {name:<17} {canonical(event[name])}")  # noqa: T201
    words = "erased, or not shown" if event["words"] is None else ""
    print(f"  {'words':<17} {words}".rstrip())  # noqa: T201
    for name, word in sorted((event["words"] or {}).items()):
        print(f"    {name:<15} {canonical(word)}")  # noqa: T201


def digest_of_words(event: dict[str, Any]) -> str:
    """Return the SHA-256 of the words under their salt."""
    return sha256(f"understudy/audit-words/v1\n{event['salt']}{canonical(event['words'])}").hex()


def hash_of(event: dict[str, Any]) -> str:
    """Return the SHA-256 of the event, each field framed by its length."""
    passed = at_of(event) - datetime(1970, 1, 1, tzinfo=UTC)
    fields = [str(event["id"]), str(passed // timedelta(microseconds=1))]
    fields += [event[name] for name in FIELDS]
    fields.append(canonical(event["facts"]))
    framed = "".join("-:" if one is None else f"{len(one)}:{one}" for one in fields)
    text = f"understudy/audit-event/v1\n{framed}{event['words_digest']}{event['previous_hash']}"
    return sha256(text).hex()


def root_from(proof: dict[str, Any]) -> bytes:
    """Return the root to which the proof leads (RFC 9162, section 2.1.3.2)."""
    node, last = proof["leaf_index"], proof["tree_size"] - 1
    hash_ = sha256(b"\x00" + bytes.fromhex(proof["event"]["hash"]))
    for sibling in map(bytes.fromhex, proof["proof"]):
        if node % 2 or node == last:
            hash_ = sha256(b"\x01" + sibling + hash_)
            while node and not node % 2:
                node, last = node // 2, last // 2
        else:
            hash_ = sha256(b"\x01" + hash_ + sibling)
        node, last = node // 2, last // 2
    same(str(last), "0", "the length of the proof")
    same(str(proof["event"]["id"]), str(proof["leaf_index"] + 1), "the index")
    return hash_


def signed(checkpoint: str, key: str) -> tuple[str, bytes]:
    """Return the text of a checkpoint and the root in it; raise InvalidSignature."""
    text, _, signature = checkpoint.partition("\n\n")
    name, _, public = key.strip().split("+", 2)
    _, named, encoded = signature.strip().split(" ")
    same(named, name, "the name of the key")
    # The first byte of the key says that it is Ed25519's, the first four of the signature repeat
    # the key's hash.
    verifier = Ed25519PublicKey.from_public_bytes(base64.b64decode(public)[1:])
    verifier.verify(base64.b64decode(encoded)[4:], f"{text}\n".encode())
    return text, base64.b64decode(text.split("\n")[2])


def at_of(event: dict[str, Any]) -> datetime:
    """Return the time of the event."""
    return datetime.fromisoformat(event["at"])


def same(found: object, expected: object, what: str) -> None:
    """Raise ValueError unless both are the same."""
    if found != expected:
        raise ValueError(f"{what} cannot be right")


def sha256(data: str | bytes) -> bytes:
    """Return the SHA-256 of ASCII text or of bytes."""
    return hashlib.sha256(data.encode("ascii") if isinstance(data, str) else data).digest()


def canonical(value: object) -> str:
    """Return the one way to write it: sorted names, no blanks, ASCII alone."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the JSON object; raise ValueError when a name stands in it twice."""
    same(len(dict(pairs)), len(pairs), "a name that stands there twice")
    return dict(pairs)


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    check(json.loads(text, object_pairs_hook=unique), sys.argv[2])
