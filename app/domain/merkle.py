"""The Merkle tree of RFC 6962 (RFC 9162, section 2.1): roots, and proofs that show no more.

Leaves are given by their hashes. `Subtrees` answers for complete subtrees, wherever they are kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple, Protocol

EMPTY_ROOT = sha256().digest()
HASH_BYTES = 32


class Subtrees(Protocol):
    """What keeps the hashes of a tree."""

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash over the 2**level leaves that begin at leaf index * 2**level."""
        ...


@dataclass(frozen=True)
class Remembered:
    """Subtrees that are worked out once: the proofs of neighbours have most of theirs in common."""

    tree: Subtrees
    _known: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash over the 2**level leaves that begin at leaf index * 2**level."""
        key = (level, index)
        if key not in self._known:
            self._known[key] = self.tree.subtree(level, index)
        return self._known[key]


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf: its first byte tells it from a node, so none passes for one."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node from those of its children."""
    return sha256(b"\x01" + left + right).digest()


class Node(NamedTuple):
    """A complete subtree: 2**level leaves from leaf position * 2**level on."""

    level: int
    position: int
    hash: bytes


@dataclass
class Cover:
    """The fewest complete subtrees over a run of leaves, grown at its right end."""

    nodes: list[Node] = field(default_factory=list)

    def add(self, node: Node) -> None:
        """Add what comes next, joining it with what it completes."""
        level, index, hash_ = node
        nodes = self.nodes
        while index & 1 and nodes and nodes[-1].level == level:
            level, index, hash_ = level + 1, index >> 1, node_hash(nodes.pop().hash, hash_)
        nodes.append(Node(level, index, hash_))

    def add_leaves(self, position: int, leaves: Sequence[bytes]) -> None:
        """Add the hashes of leaves from that position on, whole subtrees at a time."""
        done = 0
        while done < len(leaves):
            level = _widest(position + done, len(leaves) - done)
            hashes = leaves[done : done + (1 << level)]
            for _ in range(level):
                hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
            self.add(Node(level, (position + done) >> level, hashes[0]))
            done += 1 << level

    def copy(self) -> "Cover":
        """Return the same, to go on from separately."""
        return Cover(list(self.nodes))

    def joined_with(self, following: "Cover") -> "Cover":
        """Return the cover of this run and the one that follows it."""
        joined = self.copy()
        for node in following.nodes:
            joined.add(node)
        return joined

    def root(self) -> bytes:
        """Return the root of the tree, when the run begins with the first leaf."""
        return _joined([node.hash for node in self.nodes])


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over these leaf hashes."""
    cover = Cover()
    for index, leaf in enumerate(leaves):
        cover.add(Node(0, index, leaf))
    return cover.root()


def cover(tree: Subtrees, first: int, end: int) -> Cover:
    """Return the complete subtrees over the leaves from `first` up to, not including, `end`."""
    nodes = []
    while first < end:
        level = _widest(first, end - first)
        nodes.append(Node(level, first >> level, tree.subtree(level, first >> level)))
        first += 1 << level
    return Cover(nodes)


def cover_from(hashes: Sequence[bytes], size: int) -> Cover:
    """Return the cover of the first `size` leaves whose hashes these are, the largest first.

    Raises ValueError when there are more or fewer of them than it takes.
    """
    levels = [level for level in reversed(range(size.bit_length())) if size >> level & 1]
    nodes, first = [], 0
    for level, hash_ in zip(levels, hashes, strict=True):
        nodes.append(Node(level, first >> level, hash_))
        first += 1 << level
    return Cover(nodes)


def inclusion_proof(tree: Subtrees, index: int, size: int) -> list[bytes]:
    """Return what shows that leaf `index` is in the tree of `size` leaves (2.1.3.1).

    Raises ValueError when there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("the tree holds no such leaf")
    proof, first, end = [], 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            proof.append(cover(tree, middle, end).root())
            end = middle
        else:
            proof.append(cover(tree, first, middle).root())
            first = middle
    return proof[::-1]


def consistency_proof(tree: Subtrees, old_size: int, size: int) -> list[bytes]:
    """Return what shows that the tree of `size` only adds to that of `old_size` (2.1.4.1).

    Raises ValueError unless 0 < old_size <= size.
    """
    if not 0 < old_size <= size:
        raise ValueError("the older tree must hold something, and not more than the newer")
    proof, first, end, whole = [], 0, size, True
    while old_size != end:
        middle = first + _split(end - first)
        if old_size <= middle:
            proof.append(cover(tree, middle, end).root())
            end = middle
        else:
            proof.append(cover(tree, first, middle).root())
            first, whole = middle, False
    if not whole:
        proof.append(cover(tree, first, end).root())
    return proof[::-1]


def includes(root: bytes, *, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the leaf is in the tree with that root (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    steps = _steps(index, size - 1, proof)
    hash_ = leaf
    for sibling, on_left in steps or ():
        hash_ = node_hash(sibling, hash_) if on_left else node_hash(hash_, sibling)
    return steps is not None and hash_ == root


def extends(
    root: bytes, *, size: int, old_root: bytes, old_size: int, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows that the newer tree only adds to the older one (2.1.4.2)."""
    if not 0 < old_size < size:
        return old_size == size > 0 and not proof and root == old_root
    # A complete older tree is itself the first node, and is not sent.
    complete = old_size & (old_size - 1) == 0
    path = [old_root, *proof] if complete else list(proof)
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    steps = _steps(node, last, path[1:])
    if not path or steps is None:
        return False
    old = new = path[0]
    for sibling, on_left in steps:
        old = node_hash(sibling, old) if on_left else old
        new = node_hash(sibling, new) if on_left else node_hash(new, sibling)
    return old == old_root and new == root


def _steps(node: int, last: int, proof: Sequence[bytes]) -> list[tuple[bytes, bool]] | None:
    """Return each sibling on the way up with whether it stands on the left; None if they miss."""
    steps = []
    for sibling in proof:
        if last == 0:
            return None
        on_left = bool(node & 1) or node == last
        steps.append((sibling, on_left))
        # At the right edge a lone node goes up until it has a sibling.
        while on_left and node and not node & 1:
            node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    return steps if last == 0 else None


def _joined(hashes: Sequence[bytes]) -> bytes:
    """Join the complete subtrees of a tree, the smallest first."""
    if not hashes:
        return EMPTY_ROOT
    *rest, joined = hashes
    for left in reversed(rest):
        joined = node_hash(left, joined)
    return joined


def _widest(first: int, room: int) -> int:
    """Return the level of the largest subtree that begins at leaf `first` and fits."""
    most = room.bit_length() - 1
    return min(most, (first & -first).bit_length() - 1) if first else most


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
