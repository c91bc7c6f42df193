"""Signing in step by step in the terminal, at providers that have no OAuth."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import click
import segno

from cli.errors import Fail
from cli.output import Output
from connectors.sdk.errors import ConnectorError
from connectors.sdk.signin import Kind, NotAcceptedError, SignIn, Step

if TYPE_CHECKING:
    from connectors.sdk.oauth import Tokens

#: Seconds between two looks at a step that moves on by itself.
_LOOK = 1.0
_PROMPTS = {"phone": "Phone number", "code": "Code", "password": "Password"}


def sign_in(steps: SignIn, out: Output, way: Kind | None, timeout: float) -> Tokens:
    """Go through the steps; asks on the terminal.

    Args:
        steps: The sign-in.
        out: Where what to do is told.
        way: The kind of step to begin with, where there is a choice; None for the first offered.
        timeout: Seconds to wait for a code to be scanned.

    Raises:
        Fail: It cannot go on; says why.
    """
    try:
        if way is not None and _settled(steps, timeout).kind != way:
            steps.choose(way)
        while (step := _settled(steps, timeout)).kind != "done":
            if step.kind == "scan":
                _scan(steps, step, out, timeout)
            else:
                _ask(steps, step, out)
        return steps.finish()
    except ConnectorError as error:
        raise Fail(str(error)) from None
    finally:
        steps.close()


def _settled(steps: SignIn, timeout: float) -> Step:
    """The step that asks for something, or the end."""
    deadline = time.monotonic() + timeout
    while (step := steps.step()).kind == "wait":
        if time.monotonic() > deadline:
            raise Fail("the provider does not answer; try again")
        time.sleep(_LOOK)
    return step


def _scan(steps: SignIn, step: Step, out: Output, timeout: float) -> None:
    """Show the code, again whenever it changes, until it has been scanned."""
    deadline = time.monotonic() + timeout
    shown = None
    while step.kind == "scan":
        if step.link != shown and step.link is not None:
            shown = step.link
            drawn = io.StringIO()
            segno.make(shown, error="l", micro=False).terminal(drawn, compact=True, border=2)
            out.note(f"{step.text}\n\n{drawn.getvalue()}")
            out.note("waiting for the scan (Ctrl-C gives up) ...")
        if time.monotonic() > deadline:
            raise Fail("nothing was scanned; try again, or with another --way")
        time.sleep(_LOOK)
        step = steps.step()


def _ask(steps: SignIn, step: Step, out: Output) -> None:
    """Ask for what the step wants until it is accepted, or another step has come."""
    out.note(step.text)
    hidden = step.kind == "password"
    given = click.prompt(_PROMPTS[step.kind], hide_input=hidden, err=True)
    try:
        steps.answer(given.strip())
    except NotAcceptedError as error:
        out.note(str(error))
