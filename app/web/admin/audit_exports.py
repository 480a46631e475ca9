"""Exports of the audit trail: recorded first, then sent while they are written."""

from flask import Response, g, request
from flask.typing import ResponseReturnValue

from app.domain import audit_exports
from app.domain.audit_export_events import Format
from app.domain.audit_filters import filters_of
from app.domain.errors import Invalid
from app.web.application_context import checkpoints, reading
from app.web.authentication import current_admin
from app.web.provenance import provenance


def create() -> ResponseReturnValue:
    """Everything that fits the filters of the page, as an archive to keep.

    Whoever may read the trail may export it: they could copy it page by page as well, and both
    are recorded.
    """
    format_ = request.form.get("format", "")
    if format_ not in set(Format):
        raise Invalid("An export is JSON Lines or CSV.")
    filters = filters_of(g.db, request.form)
    for sentence in filters.wrong.values():
        raise Invalid(sentence)
    export = audit_exports.prepare(
        g.db,
        format=Format(format_),
        filters=filters.wanted,
        asked=filters.filled,
        trail=checkpoints(),
        actor=current_admin(),
        by="the admin site",
        provenance=provenance(),
        now=g.now,
    )
    # None of it is read before the record has been committed. The worker keeps the checkpoint.
    pieces = audit_exports.written(export, key=checkpoints().key, read=reading())
    headers = {"Content-Disposition": f'attachment; filename="{export.file_name}"'}
    return Response(pieces, mimetype="application/zip", headers=headers)
