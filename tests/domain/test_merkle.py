"""The tree of RFC 6962, held against its published values and against a naive one."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import merkle
from app.domain.merkle import EMPTY_ROOT, Cover, cover, extends, includes, leaf_hash, node_hash

# The leaves, roots and proofs that the reference implementation of Certificate Transparency is
# tested with (RFC 6962, google/certificate-transparency, merkle_tree_test).
DATA = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
LEAVES = [leaf_hash(bytes.fromhex(data)) for data in DATA]


class Naive:
    """A tree by the recursive definition, which keeps nothing."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves

    def subtree(self, level: int, index: int) -> bytes:
        return naive_root(self.leaves[index << level : (index + 1) << level])


def half(leaves: Sequence[bytes]) -> int:
    size = 1
    while size * 2 < len(leaves):
        size *= 2
    return size


def naive_root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    k = half(leaves)
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = half(leaves)
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(old: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = half(leaves)
    if old <= k:
        return [*naive_subproof(old, leaves[:k], whole=whole), naive_root(leaves[k:])]
    return [*naive_subproof(old - k, leaves[k:], whole=False), naive_root(leaves[:k])]


def some_leaves(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4)) for number in range(size)]


SIZES = st.integers(min_value=1, max_value=70)


def test_the_empty_tree_and_the_empty_leaf_have_the_published_hashes() -> None:
    assert merkle.root([]).hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert leaf_hash(b"").hex() == ROOTS[0]


@pytest.mark.requirement("L10")
def test_the_roots_are_the_published_ones() -> None:
    assert [merkle.root(LEAVES[:size]).hex() for size in range(1, 9)] == ROOTS


@pytest.mark.requirement("L10")
@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int) -> None:
    proof = merkle.inclusion_proof(Naive(LEAVES), index, size)
    assert [one.hex() for one in proof] == INCLUSION[index, size]


@pytest.mark.requirement("L10")
@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, new: int) -> None:
    proof = merkle.consistency_proof(Naive(LEAVES), old, new)
    assert [one.hex() for one in proof] == CONSISTENCY[old, new]


@given(st.data())
def test_any_inclusion_proof_is_the_naive_one_and_holds(data: st.DataObject) -> None:
    leaves = some_leaves(data.draw(SIZES))
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = merkle.inclusion_proof(Naive(leaves), index, len(leaves))
    assert proof == naive_path(index, leaves)
    assert includes(
        naive_root(leaves), size=len(leaves), index=index, leaf=leaves[index], proof=proof
    )


@given(st.data())
def test_an_inclusion_proof_shows_nothing_else(data: st.DataObject) -> None:
    leaves = some_leaves(data.draw(SIZES))
    size, index = len(leaves), data.draw(st.integers(0, len(leaves) - 1))
    root, proof = naive_root(leaves), naive_path(index, leaves)
    other = leaf_hash(b"another leaf")
    assert not includes(root, size=size, index=index, leaf=other, proof=proof)
    assert not includes(other, size=size, index=index, leaf=leaves[index], proof=proof)
    assert not includes(root, size=size, index=index, leaf=leaves[index], proof=[*proof, other])
    for shorter in range(len(proof)):
        cut = proof[:shorter]
        assert not includes(root, size=size, index=index, leaf=leaves[index], proof=cut)
    for wrong in {-1, size, size + 1, (index + 1) % size} - {index}:
        assert not includes(root, size=size, index=wrong, leaf=leaves[index], proof=proof)


@given(st.data())
def test_any_consistency_proof_is_the_naive_one_and_holds(data: st.DataObject) -> None:
    leaves = some_leaves(data.draw(SIZES))
    size, old = len(leaves), data.draw(st.integers(1, len(leaves)))
    proof = merkle.consistency_proof(Naive(leaves), old, size)
    assert proof == naive_subproof(old, leaves)
    old_root = naive_root(leaves[:old])
    root = naive_root(leaves)
    assert extends(root, size=size, old_root=old_root, old_size=old, proof=proof)


@given(st.data())
def test_a_consistency_proof_shows_nothing_else(data: st.DataObject) -> None:
    leaves = some_leaves(data.draw(SIZES))
    size, old = len(leaves), data.draw(st.integers(1, len(leaves)))
    root, old_root, other = naive_root(leaves), naive_root(leaves[:old]), leaf_hash(b"another")
    proof = naive_subproof(old, leaves)
    assert not extends(root, size=size, old_root=other, old_size=old, proof=proof)
    assert not extends(other, size=size, old_root=old_root, old_size=old, proof=proof)
    assert not extends(root, size=size, old_root=old_root, old_size=old, proof=[*proof, other])
    for shorter in range(len(proof)):
        cut = proof[:shorter]
        assert not extends(root, size=size, old_root=old_root, old_size=old, proof=cut)


@given(st.data())
def test_a_run_of_leaves_is_covered_by_few_subtrees(data: st.DataObject) -> None:
    """However it is cut, covering the parts one after the other gives the same root."""
    leaves = some_leaves(data.draw(SIZES))
    cut = data.draw(st.integers(0, len(leaves)))
    tree = Naive(leaves)
    whole = cover(tree, 0, cut)
    for node in cover(tree, cut, len(leaves)).nodes:
        whole.add(node)
    assert whole.nodes == cover(tree, 0, len(leaves)).nodes
    assert whole.root() == naive_root(leaves)


@given(st.data())
def test_leaves_may_be_added_in_any_portions(data: st.DataObject) -> None:
    leaves, whole = some_leaves(data.draw(SIZES)), Cover()
    while len(whole_of := leaves[added(whole) :]):
        whole.add_leaves(added(whole), whole_of[: data.draw(st.integers(1, len(whole_of)))])
    assert whole.nodes == cover(Naive(leaves), 0, len(leaves)).nodes


def added(cover: Cover) -> int:
    return sum(1 << node.level for node in cover.nodes)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 5), (5, 5)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.inclusion_proof(Naive(LEAVES), index, size)


@pytest.mark.parametrize(("old", "size"), [(0, 5), (-1, 5), (6, 5)])
def test_a_tree_that_is_not_older_has_no_proof(old: int, size: int) -> None:
    with pytest.raises(ValueError, match="older tree"):
        merkle.consistency_proof(Naive(LEAVES), old, size)
