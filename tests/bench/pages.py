"""The pages that are measured: where they are on the site, and where their floor is."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.demo import customers
from app.storage.accounts import Account
from app.storage.audit_trail import AuditEvent
from app.storage.folding import words_of
from app.storage.members import Member
from app.storage.paging import Cursor
from tests.bench.figures import A_LIST, A_SEARCH, Bound
from tests.bench.loading import SQLITE, Place

# How far in the far pages are.
FAR = 0.9
# An account of which there is one in every size, with ten members or so.
RARE = 57
MOST_TRIGRAMS = 12
MEMBER, ACCOUNT, EVENT = b'<tr role="row" id="member-', b'data-label="Plan"', b'<li class="event '


@dataclass(frozen=True)
class Page:
    """A page of the site; `row` is how each of its rows begins."""

    theme: str
    name: str
    path: str
    floor: str
    row: bytes
    bounds: tuple[Bound, ...]


def pages(place: Place) -> list[Page]:
    """Return the lists and the searches on the database of that place."""
    with place.database.unit_of_work(writing=False) as db:
        return [*_lists(db, place), *_searches(place)]


def _lists(db: Session, place: Place) -> Iterator[Page]:
    account = next(customers.accounts(place.accounts))
    key, id_ = key_far_in(db, Account, place.accounts)
    last = db.scalars(select(AuditEvent.id).order_by(AuditEvent.id.desc()).limit(1)).one()
    far = round(last * (1 - FAR))
    yield _list("accounts, first page", "/accounts", ACCOUNT, _floor("accounts"))
    path, floor = _at("/accounts", key, id_), _floor("accounts-far", key=key, id=id_)
    yield _list("accounts, far page", path, ACCOUNT, floor)
    key, id_ = key_far_in(db, Member, place.members)
    yield _list("members, first page", "/members", MEMBER, _floor("members"))
    path, floor = _at("/members", key, id_), _floor("members-far", key=key, id=id_)
    yield _list("members, far page", path, MEMBER, floor)
    size = customers.sizes(place.accounts, place.members)[0]
    floor = _floor("account", account=account.id)
    yield _list(f"account of {size:,} members", f"/accounts/{account.id}", MEMBER, floor)
    yield _list("audit trail, first page", "/audit", EVENT, _floor("audit"))
    yield _list("audit trail, far page", _at("/audit", far), EVENT, _floor("audit-far", id=far))


def _searches(place: Place) -> Iterator[Page]:
    member = next(customers.members(place.accounts, place.members))
    account = next(customers.accounts(place.accounts))
    rare = list(customers.accounts(RARE + 1))[RARE]
    given, company = member.name.split()[0], account.name.split()[0]
    searches = {
        "one letter": "m",
        "two letters": "mi",
        "common": "example",
        "rare": rare.domain.removesuffix(".example"),
        "none": "zzyzx",
        "full name": member.name,
        "e-mail address": member.email,
        "two words": f"{given} {company}",
    }
    for name, text in searches.items():
        yield _search(place, f"members, {name}", "/members", text, MEMBER, "search")
    path = f"/accounts/{account.id}"
    within = {"account": account.id}
    name = "members, within the account"
    yield _search(place, name, path, given, MEMBER, "search-within", **within)
    yield _search(place, "accounts, a word", "/accounts", company, ACCOUNT, "search-accounts")


def _list(name: str, path: str, row: bytes, floor: str) -> Page:
    return Page("Lists", name, path, floor, row, A_LIST)


def _search(
    place: Place, name: str, path: str, text: str, row: bytes, floor: str, **values: str
) -> Page:
    values |= _pieces(text, "*" if place.engine == SQLITE else "%")
    path = f"{path}?{urlencode({'q': text})}"
    return Page("Searches", name, path, _floor(floor, **values), row, A_SEARCH)


def _pieces(text: str, any_: str) -> dict[str, str]:
    """Return what a search by hand asks for: trigrams, and patterns of words as they are stored."""
    words = words_of(text)
    # One or two letters are no trigram: they begin a word.
    pieces = [word if len(word) > 2 else f"  {word}" for word in words]
    trigrams = [piece[at : at + 3] for piece in pieces for at in range(len(piece) - 2)]
    return {
        "trigrams": " AND ".join(f'"{one}"' for one in trigrams[:MOST_TRIGRAMS]),
        "inside": f"{any_}{any_.join(pieces)}{any_}",
        "beginning": f"{any_}{any_.join(f'  {word}' for word in words)}{any_}",
    }


def _at(path: str, *keys: str | int) -> str:
    return f"{path}?{urlencode({'at': Cursor(keys)})}"


def _floor(name: str, **values: str | int) -> str:
    return f"/pages/{name}?{urlencode(values)}"


def key_far_in(db: Session, noun: type[Account | Member], count: int) -> tuple[str, str]:
    """Return the sort key and the id of the row that far in."""
    query = select(noun.sort_key, noun.id).order_by(noun.sort_key, noun.id)
    key, id_ = db.execute(query.offset(int(count * FAR)).limit(1)).one()
    return key, id_
