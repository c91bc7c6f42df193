"""Selectors, against a plain evaluation in Python."""

from __future__ import annotations

import operator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "sentAt", "name", "o.x", "o.y-z", "tags"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, -1.0, 2.0, 1e300]),
    st.sampled_from(["", "a", "b", "1", "true", "null", "é", '"q"', "'; --"]),
)
TIMES = st.sampled_from([f"202{n}-01-01T00:00:00.000Z" for n in range(4)])
RANGES = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}
VALUES = st.one_of(SCALARS, TIMES)
ORDERED = VALUES.filter(lambda v: v is not None and not isinstance(v, bool))
CONDITIONS = st.one_of(
    VALUES,
    st.builds(lambda op, v: {op: v}, st.sampled_from(["$eq", "$ne"]), VALUES),
    st.builds(lambda op, v: {op: v}, st.sampled_from(sorted(RANGES)), ORDERED),
    st.builds(
        lambda op, v: {op: v}, st.sampled_from(["$in", "$nin"]), st.lists(VALUES, max_size=3)
    ),
    st.builds(lambda v: {"$exists": v}, st.booleans()),
    st.builds(lambda low, high: {"$gte": low, "$lt": high}, ORDERED, ORDERED),
)
SELECTORS = st.recursive(
    st.dictionaries(NAMES, CONDITIONS, max_size=2),
    lambda inner: st.builds(
        lambda op, parts: {op: parts},
        st.sampled_from(["$and", "$or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"sentAt": TIMES, "name": st.sampled_from(["a", "b", "é"])},
        optional={
            "a": SCALARS,
            "b": st.lists(SCALARS, max_size=2),
            "tags": st.lists(st.sampled_from(["a", "b"]), max_size=2),
            "o": st.fixed_dictionaries({}, optional={"x": SCALARS, "y-z": SCALARS}),
        },
    ),
    max_size=6,
)
_MISSING = object()


def look_up(record, name):
    value = record
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return _MISSING
        value = value[part]
    return value


def kind(value):
    if isinstance(value, bool) or value is None:
        return type(value)
    return str if isinstance(value, str) else float


def elements(value):
    if value is _MISSING or isinstance(value, dict):
        return []
    return value if isinstance(value, list) else [value]


def equal(value, wanted):
    if wanted is None and value is _MISSING:
        return True
    return any(kind(e) is kind(wanted) and e == wanted for e in elements(value))


def holds(value, op, wanted):
    match op:
        case "$eq":
            return equal(value, wanted)
        case "$ne":
            return not equal(value, wanted)
        case "$in":
            return any(equal(value, w) for w in wanted)
        case "$nin":
            return not any(equal(value, w) for w in wanted)
        case "$exists":
            return (value is not _MISSING) is wanted
    return any(kind(e) is kind(wanted) and RANGES[op](e, wanted) for e in elements(value))


def matches(record, selector):
    for key, wanted in selector.items():
        if key == "$and":
            ok = all(matches(record, part) for part in wanted)
        elif key == "$or":
            ok = any(matches(record, part) for part in wanted)
        else:
            value = look_up(record, key)
            conditions = wanted if isinstance(wanted, dict) else {"$eq": wanted}
            ok = all(holds(value, op, w) for op, w in conditions.items())
        if not ok:
            return False
    return True


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_selector_gives_what_a_plain_evaluation_gives(vault, email, batch, data):
    vault.reset("google:1", delete_data=True)
    records = [email(n, **fields) for n, fields in enumerate(data.draw(RECORDS))]
    vault.commit(batch(*records, fence=vault.last_fence("google:1", "gmail")))
    for _ in range(4):
        selector = data.draw(SELECTORS)
        expected = {r["_id"] for r in records if matches(r, selector)}
        assert {r["_id"] for r in vault.query("email", selector, limit=50)} == expected
        assert vault.count("email", selector) == len(expected)


@pytest.mark.parametrize(
    "selector",
    [
        {"a'; drop table records; --": 1},
        {'a"': 1},
        {"a..b": 1},
        {"": 1},
        {"$where": "1"},
        {"a": {"$regex": "x"}},
        {"a": {}},
        {"a": [1]},
        {"a": {"$in": "x"}},
        {"a": {"$exists": 1}},
        {"a": {"$gt": None}},
        {"a": {"$gt": True}},
        {"a": {"$eq": {"b": 1}}},
        {"$or": []},
        {"$and": {"a": 1}},
        {"$or": [1]},
        {"sourceData.id": "1"},
        {"a": "\ud800"},
    ],
)
def test_a_wrong_selector_is_a_value_error(vault, selector):
    with pytest.raises(ValueError):
        vault.query("email", selector)


def test_a_selector_nested_without_end_is_a_value_error(vault):
    selector = {"a": 1}
    for _ in range(50):
        selector = {"$and": [selector]}
    with pytest.raises(ValueError, match="deep"):
        vault.query("email", selector)


def test_numbers_too_large_for_the_database_compare_all_the_same(vault, email, batch):
    vault.commit(batch(email(1, size=5)))
    assert vault.count("email", {"size": {"$lt": 10**30}}) == 1


def test_records_come_newest_first_and_can_be_sorted_and_paged(vault, email, batch):
    times = [f"2024-01-0{n}T00:00:00.000Z" for n in (2, 3, 1)]
    vault.commit(batch(*(email(n, sentAt=t, size=n % 2) for n, t in enumerate(times))))
    ids = [r["sourceId"] for r in vault.query("email")]
    assert ids == ["1", "0", "2"]
    ordered = vault.query("email", sort=[("size", "desc"), ("sentAt", "asc")])
    assert [r["sourceId"] for r in ordered] == ["1", "2", "0"]
    pages = [vault.query("email", limit=1, offset=n)[0]["sourceId"] for n in range(3)]
    assert pages == ids
    for sort in ([("size", "up")], [("a b", "asc")]):
        with pytest.raises(ValueError):
            vault.query("email", sort=sort)
    with pytest.raises(ValueError):
        vault.query("email", limit=-1)


def test_source_data_comes_when_asked_for(vault, email, batch):
    vault.commit(batch(email(1)))
    assert "sourceData" not in vault.query("email")[0]
    assert vault.query("email", with_source=True) == [email(1)]


def test_deleted_records_come_when_asked_for(vault, email, batch):
    vault.commit(batch(email(1), email(2)))
    vault.commit(batch(deleted=["1"]))
    asked = vault.query("email", {"deletedAt": {"$exists": True}}, include_deleted=True)
    assert [r["sourceId"] for r in asked] == ["1"]
    assert vault.count("email", include_deleted=True) == 2
    assert [("deletedAt" in r, r["sourceId"]) for r in vault.export()] == [
        (True, "1"),
        (False, "2"),
    ]


def test_a_schema_is_named_by_slug_or_uri(vault, email, batch):
    vault.commit(batch(email(1)))
    assert vault.count(email(1)["schema"]) == vault.count("email") == 1
