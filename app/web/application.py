"""The admin site's Flask application: one request, one transaction, one table of routes."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response, after_this_request, g, request, session
from flask.typing import ResponseReturnValue
from sqlalchemy import update
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.middleware.proxy_fix import ProxyFix

from app import configured
from app.config import Config
from app.domain import alerts, api_keys, throttles
from app.domain.audit_trail import Provenance, append
from app.domain.errors import Refused
from app.domain.key_ring import CurrentKeys, KeyFiles
from app.domain.throttles import Grant
from app.domain.tokens import Tokens
from app.storage.admins import SignIn
from app.storage.audit_trail import AuditEvent
from app.storage.database import FAILURES, Database
from app.storage.postgresql import SITE
from app.web import authentication, errors, measuring, protection, readings, templating
from app.web.admin.routes import ROUTES as ADMIN_ROUTES
from app.web.allowances import Allowances, AllowanceSpent
from app.web.api.dialects import DIALECTS
from app.web.api.routes import ROUTES as API_ROUTES
from app.web.authentication import APIKeyRequired
from app.web.provenance import provenance
from app.web.readings import Reading
from app.web.receiving import receive
from app.web.routing import Anyone, Route, register
from app.web.writing_probe import WritingProbe

ROOT = Path(__file__).resolve().parents[2]
# Nobody wants to read that a monitor has asked again.
QUIET = frozenset(
    {"static"} | {route.endpoint for route in API_ROUTES if route.audience is Anyone.MONITOR}
)


class Application(Flask):
    """A Flask app that opens a unit of work, lets the asker in, and only then calls the view."""

    jinja_environment = templating.Environment

    settings: Config
    database: Database
    routes: dict[str, Route]

    def use(self, config: Config, database: Database) -> None:
        """Work with these; raise UnusableKey if the keys that the settings name are no good."""
        self.settings, self.database = config, database
        self.config["DEMO"] = config.demo
        self.extensions |= {
            "allowances": Allowances(config.api_requests_per_minute),
            "settings": config,
            "tokens": Tokens(
                keys=CurrentKeys(KeyFiles(config.signing_key_file)),
                issuer=config.admin_url,
                audience=config.product_url,
            ),
            "checkpoints": configured.checkpoints(config),
            "company_provider": configured.company_provider(config),
            "company_rules": configured.company_rules(config),
            "factor_lock": configured.factor_lock(config),
            "start_limits": configured.start_limits(config),
            "unit_of_work": database.unit_of_work,
            "writing_probe": WritingProbe(database),
            "reading": partial(database.unit_of_work, writing=False),
        }

    def url_for(self, endpoint: str, **values: Any) -> str:
        """Return the address of a route; a page of rows asks for hundreds of them."""
        route = self.routes.get(endpoint)
        # Flask's own `url_for` says of all that it was not told that it is None.
        said = {name: value for name, value in values.items() if value is not None}
        path = route.plain_path(said) if route else None
        return path or super().url_for(endpoint, **values)

    def dispatch_request(self) -> ResponseReturnValue:
        """Answer within one transaction: returning commits, raising rolls back."""
        route = self.routes.get(request.endpoint or "")
        if request.endpoint == "static" or _is_for_a_monitor(route):
            return super().dispatch_request()
        try:
            return self._answer_within_limits(route)
        except Refused as refused:
            if refused.event is not None:
                self._record_refusal(refused.event)
            raise
        except APIKeyRequired:
            self._count_failed_key()
            raise

    def _answer_within_limits(self, route: Route | None) -> ResponseReturnValue:
        while True:
            try:
                return self._answer(route)
            except AllowanceSpent as spent:
                # Nothing has been done yet, and it begins anew.
                take = partial(self._take_share, spent.key_id, provenance(), g.now)
                if not _writes(route) and self._allowances.lend(spent.key_id, now=g.now):
                    # Once the answer has been sent: whoever only reads waits for no writer.
                    _do_when_sent(partial(take, lent=True))
                else:
                    take()

    def _answer(self, route: Route | None) -> ResponseReturnValue:
        writing = _writes(route)
        receive()
        if route is not None and route.beforehand:
            # Whoever is asked may take seconds, and nobody is kept from writing meanwhile.
            g.beforehand = route.beforehand()
        cookie = dict(session)
        try:
            with self.database.unit_of_work(writing=writing) as g.db:
                if writing:
                    # Others may have held the lock for seconds: what has run out meanwhile is over
                    # (I1), so the time is read anew once it is our turn.
                    g.db.connection()
                    g.now = authentication.clock()
                self._let_in(route, writing)
                answer = self.make_response(super().dispatch_request())
                reading = readings.unrecorded(route, answer)
        except Exception:
            # What is undone is undone in the cookie too: the form at hand can be sent again.
            if session != cookie:
                session.clear()
                session.update(cookie)
            raise
        finally:
            # A closed session must not be asked again, by an error page for instance.
            g.pop("db", None)
        if reading is not None:
            self._record_reading(reading)
        if route is not None and (sign_in_id := authentication.stale_sign_in(route)):
            self._note_activity(sign_in_id)
        return answer

    def _let_in(self, route: Route | None, writing: bool) -> None:
        # Whoever asks for what is not there still sees it as themselves.
        authentication.load()
        if route is None:
            return
        authentication.check(route)
        protection.check_change(route, self.settings)
        key_id = authentication.stale_api_key()
        if key_id and writing:
            api_keys.note_use(g.db, key_id, now=g.now)
        elif key_id:
            # Once the answer has been sent: whoever only reads waits for no writer.
            note = partial(self._note_use, key_id, now=g.now)
            _do_when_sent(note)

    def _record_refusal(self, event: AuditEvent) -> None:
        with self.database.unit_of_work(writing=True) as db:
            append(db, event)
            alerts.watch_refusal(db, event, provenance=provenance(), now=g.now)

    def _take_share(
        self, key_id: str, provenance: Provenance, now: datetime, *, lent: bool = False
    ) -> None:
        with self.database.unit_of_work(writing=True) as db:
            grant = partial(
                throttles.grant_requests,
                *(db, key_id),
                most=self._allowances.most,
                provenance=provenance,
                now=now,
            )
            share = grant()
            if lent:
                # With the request that was lent paid back, there is to be something for the next.
                left = share.requests - 1
                share = Grant(left, share.until) if left > 0 else grant()
        self._allowances.put(key_id, share)

    @property
    def _allowances(self) -> Allowances:
        return cast("Allowances", self.extensions["allowances"])

    def _count_failed_key(self) -> None:
        # Everybody in the demo has the same address, and tests of programs try wrong keys.
        if not self.settings.demo:
            # Whoever has had too many only reads: strangers cannot keep others from writing.
            with self.database.unit_of_work(writing=False) as db:
                throttles.check_failed_keys(db, address=provenance().address, now=g.now)
        with self.database.unit_of_work(writing=True) as db:
            throttles.count_failed_key(db, provenance=provenance(), now=g.now)

    def _record_reading(self, reading: Reading) -> None:
        # Only now, so that a long search does not keep others from writing.
        with self.database.unit_of_work(writing=True) as db:
            readings.record(db, reading)

    def _note_activity(self, sign_in_id: str) -> None:
        with self.database.unit_of_work(writing=True) as db:
            db.execute(update(SignIn).where(SignIn.id == sign_in_id).values(last_active_at=g.now))

    def _note_use(self, key_id: str, *, now: datetime) -> None:
        try:
            with self.database.unit_of_work(writing=True) as db:
                api_keys.note_use(db, key_id, now=now)
        except FAILURES as error:
            # The next request will tell.
            self.logger.info("the use of an API key was not noted: %s", error)


def create_admin_app(config: Config) -> Application:
    """Return the admin site with its API; raise UnusableKey if the signing key cannot be used."""
    app = Application(
        "app", static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates")
    )
    app.use(config, Database(config.database_url, patience=SITE))
    if config.trusted_proxies:
        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    if config.demo:
        app.wsgi_app = protection.DemoGate(app.wsgi_app)  # type: ignore[method-assign]
    measuring.install(app, quiet_endpoints=QUIET)
    app.before_request(partial(_begin, app))
    templating.set_up(app)
    protection.install(app, config)
    authentication.install(app)
    errors.install(app, DIALECTS)
    # Two slashes are no page of ours, and a redirect is no answer for a program.
    app.url_map.merge_slashes = False
    app.routes = register(app, [*ADMIN_ROUTES, *API_ROUTES])
    return app


def _do_when_sent(act: Callable[[], None]) -> None:
    after_this_request(lambda answer: _when_sent(answer, act))


def _when_sent(answer: Response, act: Callable[[], None]) -> Response:
    answer.call_on_close(act)
    return answer


def _writes(route: Route | None) -> bool:
    if route is None:
        return request.method not in protection.SAFE_METHODS
    if route.changing and request.method == "HEAD":
        # Whoever only looks at an address, such as a chat that shows what is behind it.
        raise MethodNotAllowed([route.method])
    return route.changing or not (route.reading or request.method in protection.SAFE_METHODS)


def _is_for_a_monitor(route: Route | None) -> bool:
    return route is not None and route.audience is Anyone.MONITOR


def _begin(app: Application) -> None:
    g.now = authentication.clock()
    g.request_id = uuid.uuid4().hex
    # A monitor knows a machine by its address.
    if not _is_for_a_monitor(app.routes.get(request.endpoint or "")):
        protection.check_host(app.settings)
