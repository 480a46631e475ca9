"""Starting, opening and ending sessions, and the kit's call: one caller at a time, then many."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from sqlalchemy import select

from app.storage.admins import Admin as AdminRow
from app.storage.members import Member
from tests.bench import crowd
from tests.bench.bare import Bare
from tests.bench.client import Admin, Kit
from tests.bench.comparing import beside_the_floor
from tests.bench.figures import Bound, Figure
from tests.bench.loading import POSTGRESQL, Place, told
from tests.bench.site import Site
from tests.bench.timing import at_once

RUNS, SECONDS = 300, 6.0
CALLERS, MANY_CALLERS = 8, 16
TIMES_THE_BARE, CYCLES_A_SECOND = 5.0, 200
KIT_MS, CALLS_A_SECOND = 4.0, 500
THEME = "Sessions"


class Caller:
    """An admin, the member whom they impersonate, and the product app that they do it in."""

    def __init__(self, site: Site, email: str, member_id: str) -> None:
        self._admin, self._member_id = Admin(site.url, email), member_id
        self._kit = Kit(site.url, site.place.api_key)
        self._token = ""

    def cycle(self) -> None:
        """Start a session, open it and end it."""
        self.open()
        self._kit.end(self._token)

    def open(self) -> str:
        """Start a session and open it; return its id."""
        opened = self._kit.redeem(self._admin.start(self._member_id))
        self._token = opened["token"]
        session_id: str = opened["impersonation"]["id"]
        return session_id

    def act(self) -> None:
        """Ask for one request; raise RuntimeError if it is refused."""
        if not self._kit.record(self._token):
            raise RuntimeError("the session has ended by itself")


def measure(site: Site) -> list[Figure]:
    """Return the figures."""
    members = crowd.members(site.place, MANY_CALLERS)
    with crowd.gathered(site.place) as emails:
        callers = [
            Caller(site, emails[number], members[number % len(members)])
            for number in range(MANY_CALLERS)
        ]
        told("sessions: one caller")
        with closing(_bare(site.place, emails[-1], members[0])) as bare:
            alone = [_measure_cycle(site, callers[0], bare), _measure_call(site, callers[0], bare)]
        return [*alone, *_measure_calls_at_once(callers), *_measure_cycles(site, callers)]


def _measure_cycle(site: Site, caller: Caller, bare: Bare) -> Figure:
    fields = beside_the_floor(site, caller.cycle, bare.cycle, runs=RUNS)
    bounds = (Bound("times_floor", TIMES_THE_BARE),)
    return Figure(theme=THEME, name="start + redeem + end", **fields, bounds=bounds)


def _measure_call(site: Site, caller: Caller, bare: Bare) -> Figure:
    caller.open()
    bare.start()
    fields = beside_the_floor(site, caller.act, bare.act, runs=RUNS)
    bare.end()
    bounds = (Bound("value", KIT_MS),)
    return Figure(theme=THEME, name="the kit's call, one caller", **fields, bounds=bounds)


def _measure_calls_at_once(callers: Sequence[Caller]) -> Iterator[Figure]:
    told(f"sessions: the kit's calls, {CALLERS} callers")
    for caller in callers[:CALLERS]:
        caller.open()
    load = at_once([caller.act for caller in callers[:CALLERS]], seconds=SECONDS)
    each, name = load.each, f"the kit's call, {CALLERS} callers"
    yield Figure(theme=THEME, name=name, value=each.median, p99=each.p99)
    yield Figure(
        theme=THEME,
        name=f"the kit's calls a second, {CALLERS} callers",
        value=load.rate,
        unit="/s",
        bounds=(Bound("value", CALLS_A_SECOND, least=True),),
    )


def _measure_cycles(site: Site, callers: Sequence[Caller]) -> Iterator[Figure]:
    told(f"sessions: complete cycles, {MANY_CALLERS} callers")
    load = at_once([caller.cycle for caller in callers], seconds=SECONDS)
    bounds = (Bound("value", CYCLES_A_SECOND, least=True),)
    yield Figure(
        theme=THEME,
        name=f"start + redeem + end a second, {MANY_CALLERS} callers",
        value=load.rate,
        unit="/s",
        bounds=bounds if site.place.engine == POSTGRESQL else (),
    )


def _bare(place: Place, email: str, member_id: str) -> Bare:
    with place.database.unit_of_work(writing=False) as db:
        member = db.get_one(Member, member_id)
        admin_id = db.scalars(select(AdminRow.id).where(AdminRow.email_key == email)).one()
    who = {"admin_id": admin_id, "member_id": member.id, "account_id": member.account_id}
    return Bare(place.database_url, **who)
