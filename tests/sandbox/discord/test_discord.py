"""The sandbox's Discord, against what Discord says of its API.

`SCHEMAS` states in our words which fields its description of the API demands and of what kind they
are: https://github.com/discord/discord-api-spec/blob/main/specs/openapi.json (schemas
`UserPIIResponse`, `MyGuildResponse` and `ErrorResponse`; read 2026-11-24). A field that it does not
name is an error here, but for `banner`, which the documentation's example of a server has, and
`features`, of which we do not list the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from sandbox.faults import Fault
from sandbox.options import Quota, SandboxOptions
from sandbox.server import RunningSandbox, running

AGENT = "DiscordBot (https://example.com, 1.0)"
ID = {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"}
TEXT, NUMBER, YES_NO = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}


def or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def thing(needed: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**needed, **others},
        "required": list(needed),
        "additionalProperties": False,
    }


SCHEMAS: dict[str, dict[str, Any]] = {
    "user": thing(
        {
            "id": ID,
            "username": TEXT,
            "discriminator": TEXT,
            "public_flags": NUMBER,
            "flags": NUMBER,
            "mfa_enabled": YES_NO,
            "locale": TEXT,
        },
        {
            "avatar": or_null(TEXT),
            "banner": or_null(TEXT),
            "accent_color": or_null(NUMBER),
            "global_name": or_null(TEXT),
            "avatar_decoration_data": or_null(thing({"asset": TEXT}, {"sku_id": or_null(ID)})),
            "premium_type": or_null(NUMBER),
        },
    ),
    "guilds": {
        "type": "array",
        "items": thing(
            {
                "id": ID,
                "name": TEXT,
                "owner": YES_NO,
                "permissions": {"type": "string", "pattern": "^[0-9]+$"},
                "features": {"type": "array", "items": TEXT, "uniqueItems": True},
            },
            {
                "icon": or_null(TEXT),
                "banner": or_null(TEXT),
                "approximate_member_count": or_null(NUMBER),
                "approximate_presence_count": or_null(NUMBER),
            },
        ),
    },
    "error": thing({"code": NUMBER, "message": TEXT}, {"errors": {"type": "object"}}),
}


def check(schema: str, answer: object) -> None:
    Draft202012Validator(SCHEMAS[schema]).validate(answer)


class Discord:
    """A sandbox, and calls to it."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.world = sandbox.world
        self.side: Any = sandbox.world.sides["discord"]
        self.url = f"{sandbox.url}/discord"
        self.token = self.minted()["access_token"]

    def minted(self, *scopes: str) -> dict[str, Any]:
        return self.world.tokens.mint(0, scopes or self.side.scopes)

    def get(
        self, path: str, *, agent: str = AGENT, token: str = "", **query: Any
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.token}", "User-Agent": agent}
        url = f"{self.url}/api/v10{path}"
        return requests.get(url, headers=headers, params=query, timeout=10)

    def guilds(self, **query: Any) -> requests.Response:
        return self.get("/users/@me/guilds", **query)

    def ids(self, **query: Any) -> list[str]:
        return [guild["id"] for guild in self.guilds(**query).json()]

    def refresh(self, token: str, agent: str = AGENT) -> requests.Response:
        options = self.world.options
        return requests.post(
            f"{self.url}/api/oauth2/token",
            data={"grant_type": "refresh_token", "refresh_token": token},
            auth=(options.client_id, options.client_secret),
            headers={"User-Agent": agent},
            timeout=10,
        )


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with running(SandboxOptions(messages=0, items=23)) as made:
        yield made


@pytest.fixture
def discord(served: RunningSandbox) -> Discord:
    return Discord(served)


@pytest.fixture
def limited() -> Iterator[Discord]:
    with running(SandboxOptions(messages=0, items=3, quota=Quota(2, 0.5))) as made:
        yield Discord(made)


def test_answers_are_as_the_description_says(discord: Discord) -> None:
    check("user", discord.get("/users/@me").json())
    check("guilds", discord.guilds().json())
    check("guilds", discord.guilds(with_counts="true").json())
    assert discord.get("/users/@me").json()["id"] == discord.side.account_id(0)


def test_servers_come_by_their_ids_and_are_paged_by_them(discord: Discord) -> None:
    whole = discord.ids()
    assert whole == sorted(whole, key=int) == discord.side.guilds[0].expected({})
    assert discord.ids(limit=5) == whole[:5]
    assert discord.ids(limit=5, after=whole[4]) == whole[5:10]
    assert discord.ids(after=whole[-1]) == []
    # The lowest below it, not those next to it.
    assert discord.ids(limit=5, before=whole[20]) == whole[:5]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 0}, "NUMBER_TYPE_MIN"),
        ({"limit": 201}, "NUMBER_TYPE_MAX"),
        ({"limit": "all"}, "NUMBER_TYPE_COERCE"),
        ({"after": "refused"}, "NUMBER_TYPE_COERCE"),
        ({"with_counts": "perhaps"}, "BASE_TYPE_BAD"),
        ({"page": 2}, "BASE_TYPE_BAD"),
    ],
)
def test_a_wrong_parameter_is_named(discord: Discord, query: dict[str, Any], code: str) -> None:
    answer = discord.guilds(**query)
    (name,) = query
    assert answer.status_code == 400
    check("error", answer.json())
    assert answer.json()["code"] == 50035
    assert answer.json()["errors"][name]["_errors"][0]["code"] == code


def test_a_token_opens_what_its_scopes_name(discord: Discord) -> None:
    for token, status, code in (
        ("nobody's", 401, 0),
        (discord.minted("identify")["access_token"], 403, 50026),
    ):
        answer = discord.guilds(token=token)
        check("error", answer.json())
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("agent", ["python-requests/2", "DiscordBot", "DiscordBot (https://a.b)"])
def test_who_does_not_say_its_name_is_blocked(discord: Discord, agent: str) -> None:
    answer = discord.guilds(agent=agent)
    assert (answer.status_code, answer.json()["code"]) == (403, 40333)
    assert discord.refresh("any", agent).status_code == 403


def test_a_refresh_token_works_once(discord: Discord) -> None:
    first = discord.minted()["refresh_token"]
    second = discord.refresh(first).json()
    assert second["scope"] == "guilds identify"
    assert discord.guilds(token=second["access_token"]).ok
    again = discord.refresh(first)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert discord.refresh(second["refresh_token"]).ok


def test_answers_tell_what_is_left_and_refusals_how_long_to_wait(limited: Discord) -> None:
    left = [limited.guilds().headers for _ in range(2)]
    assert [headers["X-RateLimit-Remaining"] for headers in left] == ["1", "0"]
    assert 0 < float(left[1]["X-RateLimit-Reset-After"]) <= 0.5
    refused = limited.guilds()
    assert refused.status_code == 429
    assert refused.headers["X-RateLimit-Scope"] == "user"
    assert refused.headers["X-RateLimit-Bucket"] == left[0]["X-RateLimit-Bucket"]
    told = refused.json()
    assert 0 < told["retry_after"] <= 0.5 <= float(refused.headers["Retry-After"])
    # Another route has a limit of its own.
    assert limited.get("/users/@me").ok


def test_too_many_refusals_shut_the_address_out(limited: Discord) -> None:
    limited.side.address.most = 3
    for _ in range(3):
        assert limited.guilds(token="nobody's").status_code == 401
    for answer in (limited.guilds(), limited.refresh("any")):
        assert answer.status_code == 429
        assert "1015" in answer.text
        assert not [name for name in answer.headers if name.startswith("X-RateLimit")]


@pytest.mark.parametrize(
    ("kind", "status", "headers"),
    [
        ("401", 401, {}),
        ("403-scope", 403, {}),
        ("403-quota", 429, {"X-RateLimit-Scope": "shared"}),
        ("429", 429, {"X-RateLimit-Scope": "user"}),
        ("429-seconds", 429, {"Retry-After": "7"}),
        ("429-date", 429, {"X-RateLimit-Global": "true", "Retry-After": "7"}),
        ("503", 503, {}),
    ],
)
def test_faults_have_discords_form(
    discord: Discord, kind: str, status: int, headers: dict[str, str]
) -> None:
    refusal = discord.side.error(Fault(kind, retry_after=7))
    assert refusal.status == status
    assert headers.items() <= dict(refusal.headers).items()
