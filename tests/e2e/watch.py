"""What no story may leave behind: a complaint in a console, a secret in an address."""

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Frame, Page, Request, WebError

# The browser's own line for an answer that is an error, or for none.
FAILED = re.compile(r"Failed to load resource: .*?(status of (?P<status>\d+)|net::(?P<error>\w+))")
HTMX_UNANSWERED = "htmx: htmx:error: Failed to fetch"
TOKEN = "eyJ"
TICKET = "ticket="


class Watch:
    """Looks over the shoulder of every tab of a story, and complains at its end."""

    def __init__(self, product_url: str) -> None:
        self._landing = f"{product_url}/impersonation#{TICKET}"
        # A page that is opened anew is first asked for without the token; that is a stranger's
        # question, and Letterbox answers it with its sign-in page.
        self._expected = {"401"}
        self._tolerated: str | None = None
        self.complaints: list[str] = []
        self.addresses: set[str] = set()

    def over(self, context: BrowserContext) -> None:
        """Watch all tabs of this browser, those that open later too."""
        context.on("console", self._hear)
        context.on("weberror", self._note_error)
        context.on("request", self._note_request)
        context.on("page", self._watch_page)

    def expect(self, *statuses: int) -> None:
        """Some answers of this story are errors."""
        self._expected |= {str(status) for status in statuses}

    def tolerate(self, beginning: str) -> None:
        """One kind of complaint is what the story is about."""
        self._tolerated = beginning

    def expect_silence(self) -> None:
        """One of the sites is down in this story, which htmx mentions too."""
        self._expected |= {"ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"}
        self.tolerate(HTMX_UNANSWERED)

    def secrets_in_addresses(self) -> list[str]:
        """The addresses that hold a token or a ticket.

        The one exception is the fragment that the hand-off itself consists of: the browser sends
        it to nobody, and the landing page removes it first thing.
        """
        return sorted(
            address
            for address in self.addresses
            if TOKEN in address or (TICKET in address and not address.startswith(self._landing))
        )

    def _hear(self, message: ConsoleMessage) -> None:
        failed = FAILED.match(message.text)
        if failed and (failed["status"] or failed["error"]) in self._expected:
            return
        # Nobody's page asks for this: it is the browser that looks whether there is one.
        if failed and message.location["url"].endswith("/favicon.ico"):
            return
        if self._tolerated and message.text.startswith(self._tolerated):
            return
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def _note_error(self, error: WebError) -> None:
        self.complaints.append(str(error.error))

    def _note_request(self, request: Request) -> None:
        self.addresses |= {request.url, request.headers.get("referer", "")}

    def _watch_page(self, page: Page) -> None:
        page.on("framenavigated", self._note_frame)

    def _note_frame(self, frame: Frame) -> None:
        self.addresses.add(frame.url)
