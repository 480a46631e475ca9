"""What is particular to one kind of resource; the rest is the same for all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from app.domain.push_rules import Push
from app.storage.pushed import Row
from app.web.api.scim.filters import Attributes


@dataclass(frozen=True)
class Kind(Generic[Row]):
    """One kind of resource: its rows, how a pusher sees them, and what a pusher says of them.

    `model` is the class of scim2-models; `push_of` takes what was sent and what there was before.
    """

    row: type[Row]
    model: Any
    attributes: Attributes
    resource_of: Callable[[Row], Any]
    push_of: Callable[[Any, Any], Push]
