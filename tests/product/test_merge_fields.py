from hypothesis import given
from hypothesis import strategies as st

from app.product.merge_fields import fields_in, fill_with_samples, pieces

TEXTS = st.text(alphabet=st.sampled_from("{} ab_7\n<ü"), max_size=60)


def test_a_field_is_a_name_in_double_braces() -> None:
    assert fields_in("{{ first_name }}, {{order_number}}", "{{ first_name }}") == [
        "first_name",
        "order_number",
    ]


def test_what_only_looks_like_a_field_stays_text() -> None:
    assert fields_in("{{7*7}} {{ First }} { name } {{ open") == []


def test_samples_take_the_place_of_fields() -> None:
    text = "Dear {{ first_name }}, {{ shoe_size }}. {{ account_name }}"
    assert fill_with_samples(text, "Harbour") == "Dear Noor, shoe size. Harbour"


@given(TEXTS)
def test_the_pieces_make_up_the_whole_text(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text
