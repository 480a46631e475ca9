"""What the forms of Letterbox share."""

import re
import unicodedata
from typing import Any

from markupsafe import Markup
from wtforms import Field, Form, ValidationError
from wtforms.meta import DefaultMeta

EMAIL = re.compile(r"[^@\s<>\"]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+")
LONGEST_EMAIL = 254


class PageForm(Form):
    """A form whose fields tell screen readers about their hints and errors."""

    class Meta(DefaultMeta):
        def render_field(self, field: Field, render_kw: Any) -> Markup:
            notes = [f"{field.id}-hint"] if field.description else []
            spoken = {}
            if field.errors:
                notes.append(f"{field.id}-error")
                spoken["aria_invalid"] = "true"
            if notes:
                spoken["aria_describedby"] = " ".join(notes)
            return super().render_field(field, {**render_kw, **spoken})


def stripped(value: str | None) -> str:
    return (value or "").strip()


def lowered(value: str | None) -> str:
    return stripped(value).lower()


def with_plain_newlines(value: str | None) -> str:
    """Browsers send line ends as CR LF; we keep LF."""
    return (value or "").replace("\r\n", "\n").replace("\r", "\n").strip("\n")


def one_line(_form: Form, field: Field) -> None:
    # A line break in a subject or a name would start a new header in the e-mail.
    if any(unicodedata.category(character) == "Cc" for character in field.data):
        raise ValidationError("Keep this on one line.")


def email_address(_form: Form, field: Field) -> None:
    if len(field.data) > LONGEST_EMAIL or not EMAIL.fullmatch(field.data):
        raise ValidationError("Write an e-mail address, like mia@harbour.example.")


def changes(form: Form, thing: Any) -> list[str]:
    """The names of the fields in which the form differs from the thing it edits."""
    return [name for name, value in form.data.items() if getattr(thing, name) != value]
