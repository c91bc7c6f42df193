"""The pages a person sees: choosing an account and what to grant, or why it cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from sandbox.people import Person

_OWN_FIELDS = frozenset({"account", "granted", "decision"})
_STYLE = (
    "body{font:16px system-ui;max-width:32rem;margin:3rem auto;padding:0 1rem}"
    "fieldset{border:1px solid #ccc;border-radius:8px;margin:1rem 0}label{display:block;"
    "padding:.3rem 0}button{font:inherit;padding:.5rem 1.5rem;margin-right:1rem}"
)


def page(
    scopes: Iterable[str],
    required: Iterable[str],
    people: Sequence[Person],
    hint: str | None,
    params: Mapping[str, str],
) -> str:
    """The consent page.

    Args:
        scopes: What is asked for.
        required: Scopes that cannot be refused one by one.
        people: Whose accounts there are to choose from, in the order of their numbers.
        hint: Address or id of the account that is chosen at first; the first one without it.
        params: The request's parameters, which go along with the form.
    """
    chosen = next((person for person in people if hint in (person.email, person.sub)), people[0])
    radios = "".join(_account(n, person, person is chosen) for n, person in enumerate(people))
    boxes = "".join(_scope(scope, scope in set(required)) for scope in scopes)
    hidden = "".join(
        _input("hidden", key, value) for key, value in params.items() if key not in _OWN_FIELDS
    )
    return _html(
        "Sign in with the sandbox",
        f'<form method="post">{hidden}<fieldset><legend>Account</legend>{radios}</fieldset>'
        f"<fieldset><legend>This application wants to</legend>{boxes}</fieldset>"
        '<button name="decision" value="allow">Continue</button>'
        '<button name="decision" value="deny">Cancel</button></form>',
    )


def error_page(error: str, description: str) -> str:
    """The page of a request that cannot go back to where it came from."""
    return _html("Access blocked", f"<p>{escape(description)}</p><p>Error: {escape(error)}</p>")


def _account(number: int, person: Person, chosen: bool) -> str:
    text = escape(f"{person.name} ({person.email})")
    mark = " checked" if chosen else ""
    return f"<label>{_input('radio', 'account', str(number), mark)} {text}</label>"


def _scope(scope: str, required: bool) -> str:
    # A disabled box is not sent with a form: the required ones go as hidden fields.
    if required:
        return f"<label>{_input('hidden', 'granted', scope)}&#10003; {escape(scope)}</label>"
    return f"<label>{_input('checkbox', 'granted', scope, ' checked')} {escape(scope)}</label>"


def _input(kind: str, name: str, value: str, mark: str = "") -> str:
    return f'<input type="{kind}" name="{escape(name)}" value="{escape(value)}"{mark}>'


def _html(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>"
    )
