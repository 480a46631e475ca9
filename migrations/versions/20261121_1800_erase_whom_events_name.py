"""Let the words of an event go, too, when those of the admin are erased whom its facts name."""

from collections.abc import Sequence

from migrations import guards

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE, NO_DELETE = "audit_words", "audit_words_no_delete"


def upgrade() -> None:
    named = guards.fact("erased", "admin_id")
    _guard_words(f"(erased.subject_id, erased.actor_id, {named})")


def downgrade() -> None:
    _guard_words("(erased.subject_id, erased.actor_id)")


def _guard_words(people: str) -> None:
    """Words go when their event does, or when one of their people is erased; nobody never is."""
    guards.drop(NO_DELETE, TABLE)
    last = guards.fact("archive", "last", number=True)
    person_id = guards.fact("erasure", "person_id")
    guards.refuse(
        NO_DELETE,
        "DELETE",
        TABLE,
        when=f"""
            NOT EXISTS (
                SELECT 1 FROM audit_events AS archive
                WHERE archive.action = 'audit.archived' AND archive.id > OLD.event_id
                AND {last} >= OLD.event_id
            )
            AND NOT EXISTS (
                SELECT 1 FROM audit_events AS erasure
                JOIN audit_events AS erased ON erased.id = OLD.event_id
                WHERE erasure.action = 'audit.words_erased' AND erasure.id > OLD.event_id
                AND {person_id} <> '' AND {person_id} IN {people}
            )
        """,
    )
