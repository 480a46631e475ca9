"""E-mail templates, and the tests that were sent of them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.product.database import Base, new_id
from app.product.models.members import Member

LONGEST_NAME = 120
LONGEST_SUBJECT = 200
LONGEST_BODY = 20_000


class Template(Base):
    __tablename__ = "templates"
    __table_args__ = (Index(None, "account_id", "updated_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    subject: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))
    body: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]
    updated_by_id: Mapped[str] = mapped_column(ForeignKey("members.id"))

    updated_by: Mapped[Member] = relationship(lazy="joined", innerjoin=True)

    def mentions(self, words: str) -> bool:
        """Whether every word stands somewhere in the template, in any letter case."""
        text = f"{self.name}\n{self.subject}\n{self.body}".casefold()
        return all(word in text for word in words.casefold().split())


class TestSend(Base):
    """A test as it was sent: the words of that moment, kept although nothing leaves the house."""

    # Keeps pytest from taking it for a test.
    __test__ = False

    __tablename__ = "test_sends"
    __table_args__ = (Index(None, "template_id", "sent_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    template_id: Mapped[str] = mapped_column(ForeignKey("templates.id", ondelete="CASCADE"))
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime]
    sent_by_id: Mapped[str] = mapped_column(ForeignKey("members.id"))

    sent_by: Mapped[Member] = relationship(lazy="joined", innerjoin=True)
