"""Search by words."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def found(vault, text):
    return {hit.record["sourceId"] for hit in vault.search(text)}


@pytest.fixture
def mail(vault, email, batch):
    vault.commit(
        batch(
            email("a", name="Lunch on Friday", messageText="Shall we meet at the café?"),
            email("b", name="Invoice 4711", messageText="Please pay by friday. Don't be late!"),
            email(
                "c",
                name="Plans",
                fromName="Zoë Müller",
                to=[{"name": "Bob", "email": "bob@sample.example"}],
                attachments=[{"id": "1", "filename": "budget.xlsx", "textContent": "walrus"}],
            ),
        )
    )
    return vault


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("friday", {"a", "b"}),
        ("FRIDAY lunch", {"a"}),
        ("fri", {"a", "b"}),
        ("fri lunch", set()),
        ("cafe", {"a"}),
        ("café", {"a"}),
        ("müller", {"c"}),
        ("muller zoe", {"c"}),
        ("bob@sample.example", {"c"}),
        ("walrus", {"c"}),
        ("budget.xlsx", {"c"}),
        ('"pay by friday"', {"b"}),
        ('"friday by pay"', set()),
        ('"fri"', set()),
        ("don't", {"b"}),
        ("4711", {"b"}),
        ("raw", set()),
        ("", set()),
        ("  !!! ?? ", set()),
    ],
)
def test_words_find_records(mail, text, ids):
    assert found(mail, text) == ids
    assert mail.search_count(text) == len(ids)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        '"unclosed',
        "a OR",
        "NOT",
        "AND AND",
        "NEAR(a b",
        "name:",
        "name:x",
        "^x",
        "a*b*",
        "(((",
        "x' OR 1=1 --",
        "%",
        "\x00",
        "\ud800",
        "-",
        "{a b}: c",
        "a+b",
        "🦩",
        "\u0301",
        "\u0301\u0301 *",
        "w " * 5000,
    ],
)
def test_hostile_text_never_raises(mail, text):
    mail.search(text)
    mail.search_count(text)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(alphabet=st.characters(), max_size=40))
def test_any_text_is_safe(mail, text):
    assert len(mail.search(text)) == mail.search_count(text)


def test_a_hit_in_the_name_comes_first(vault, email, batch):
    vault.commit(
        batch(
            email(1, messageText="the heron " + "filler " * 30),
            email(2, name="The heron", messageText="filler " * 30),
        )
    )
    assert [hit.record["sourceId"] for hit in vault.search("heron")] == ["2", "1"]


def test_a_snippet_shows_the_words_around_the_hit(vault, email, batch):
    vault.commit(batch(email(1, messageText="filler " * 200 + "the Héron stood " + "more " * 200)))
    (hit,) = vault.search("heron")
    assert "the Héron stood more" in hit.snippet
    assert hit.snippet.startswith("…")
    assert hit.snippet.endswith("…")
    assert len(hit.snippet) < 200


def test_search_can_be_narrowed_to_a_schema_and_paged(mail):
    assert len(mail.search("friday", schema="email")) == 2
    assert mail.search_count("friday", schema="email") == 2
    first, second = mail.search("friday", limit=1), mail.search("friday", limit=1, offset=1)
    assert first[0].record["_id"] != second[0].record["_id"]
    assert "sourceData" not in first[0].record
