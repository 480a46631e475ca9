"""Reading a source of the directory: all of it is judged before anything is written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.domain.directory_records import Fields, account_record, id_of, member_record
from app.domain.errors import Invalid
from app.storage import directory
from app.storage.directory import ACCOUNTS, MEMBERS, Kind, Record
from app.storage.directory_stage import Stage

BATCH = 1000
MOST_TOLD = 100
# An empty source is far more often a broken one than a company that has lost its customers.
FEW, SHARE = 100, 3

RECORD_OF: dict[str, Callable[[Fields], Record]] = {
    ACCOUNTS.name: account_record,
    MEMBERS.name: member_record,
}


class Entry(NamedTuple):
    """One account or member as it was read, or a sentence that says why it could not be read.

    `place` is where that was, such as "members.csv, line 7".
    """

    place: str
    fields: Fields | str


class Problem(NamedTuple):
    """What is wrong with one entry."""

    place: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


class Unusable(Invalid):
    """The source is not loaded, and nothing of it was written."""

    code = "unusable"


class TooManyMissing(Unusable):
    """More would be deactivated than can be right, unless somebody says that it is."""


@dataclass
class Reading:
    """What a source has said so far.

    `whole` says that it tells everybody it has, of the `kinds` it tells: who is not in it is gone.
    `skip_bad` leaves bad entries out, and what they are about as it is; else one spoils it all.
    """

    stage: Stage
    kinds: Sequence[Kind]
    whole: bool = False
    skip_bad: bool = False
    bad: int = 0
    problems: list[Problem] = field(default_factory=list)
    nameless: int = 0

    def take(self, kind: Kind, entries: Iterable[Entry]) -> None:
        """Keep each entry that is good, and remember what is wrong with the others."""
        record_of = RECORD_OF[kind.name]
        for place, fields in entries:
            try:
                if isinstance(fields, str):
                    raise Invalid(fields)
                record = record_of(fields)
            except Invalid as invalid:
                self._refuse(kind, place, fields, invalid.sentence)
                continue
            first = self.stage.put(kind, place, record)
            if first:
                self.add_problem(place, f"the id is there twice, the first time in {first}.")

    def judge(self, db: Session, *, many_may_go: bool = False) -> None:
        """Compare what was read with itself and with the directory; raise Unusable.

        `many_may_go` says that it is right when more than a third are missing.
        """
        if MEMBERS in self.kinds:
            self._find_accounts(db)
        if self.bad and not self.skip_bad:
            raise Unusable(f"{_entries(self.bad)} cannot be used. Nothing was written.")
        if not self.whole:
            return
        if self.nameless:
            raise Unusable(
                f"{_entries(self.nameless)} cannot be used and have no id that could be read, so"
                " nobody can say who is missing. Nothing was written."
            )
        for kind in self.kinds:
            self._find_missing(db, kind, many_may_go=many_may_go)

    def add_problem(self, place: str, sentence: str) -> None:
        """Remember that something is wrong there."""
        self.bad += 1
        if len(self.problems) < MOST_TOLD:
            self.problems.append(Problem(place, sentence))

    def _refuse(self, kind: Kind, place: str, fields: Fields | str, sentence: str) -> None:
        self.add_problem(place, sentence)
        try:
            self.stage.leave_out(kind, place, id_of({} if isinstance(fields, str) else fields))
        except Invalid:
            self.nameless += 1

    def _find_accounts(self, db: Session) -> None:
        """Refuse the members of accounts that neither the source nor the directory has."""
        for ids in self.stage.needed_account_ids(size=BATCH):
            there = directory.account_ids_among(db, ids)
            if self.whole and ACCOUNTS in self.kinds:
                # The directory's own that the source no longer has is about to be suspended.
                there &= self.stage.has(ACCOUNTS, ids)
            self.stage.refuse_members_of(set(ids) - there)
        for place, account_id in self.stage.members_without_account():
            self.add_problem(place, f"account_id is no account that is known: {account_id}.")

    def _find_missing(self, db: Session, kind: Kind, *, many_may_go: bool) -> None:
        known = missing = 0
        for ids in directory.ids_in_use(db, kind, size=BATCH):
            known += len(ids)
            missing += self.stage.note_missing(kind, ids)
        if missing > FEW and missing * SHARE > known and not many_may_go:
            raise TooManyMissing(
                f"{missing:,} of {known:,} {kind.name} are no longer in the source, which is more"
                " than a third. Nothing was written."
            )


def _entries(count: int) -> str:
    return f"{count:,} entr{'y' if count == 1 else 'ies'}"
