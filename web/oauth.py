"""Connecting an account: the OAuth dance of any provider, by flask-dance.

A provider states its OAuth as data (`connectors.sdk.oauth.OAuth2`). flask-dance keeps the session
with the provider, the PKCE verifier and the parameters on its blueprint, which all threads share:
two people who connect at once would mix them up. Here each request gets a blueprint of its own,
never registered, so that nothing is shared; and the token it gets lives in that object alone,
never in the cookie.

https://flask-dance.readthedocs.io/en/latest/, https://datatracker.ietf.org/doc/html/rfc6749
"""

from __future__ import annotations

import hmac
import importlib
import logging
import os
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Blueprint, Flask, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_dance.consumer import OAuth2ConsumerBlueprint
from flask_dance.consumer.requests import OAuth2Session
from flask_dance.consumer.storage import MemoryStorage
from oauthlib.oauth2 import OAuth2Error

from connectors.sdk import registry
from connectors.sdk.addresses import is_loopback, rebase
from connectors.sdk.errors import ConfigurationError, ConnectorError, TransientError
from connectors.sdk.oauth import OAuth2, Tokens
from connectors.sdk.provider import Provider
from vault.errors import VaultError
from web import context, steps
from worker import connections

#: These write tokens, codes and secrets at level DEBUG, and a visitor's own words at WARNING.
_TALKATIVE = ("flask_dance", "requests_oauthlib", "oauthlib")

blueprint = Blueprint("connect", __name__, url_prefix="/connect")


def init_app(app: Flask) -> None:
    """Add the routes, and keep what the libraries would log to themselves."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    app.register_blueprint(blueprint)
    steps.init_app(app)


@blueprint.url_defaults
def _same_provider(_: str, values: dict[str, Any]) -> None:
    """flask-dance asks for the URL of `.authorized` and knows of no provider."""
    values.setdefault("provider_id", (request.view_args or {}).get("provider_id"))


@blueprint.get("/<provider_id>")
def login(provider_id: str) -> ResponseReturnValue:
    """Send the person to the provider. `?from=terminal`: the window may be closed afterwards."""
    provider = context.services().provider(provider_id)
    if not provider.config.client_id:
        return render_template("connect_setup.html", provider=provider), 409
    if provider.oauth is None:
        return steps.begin(provider)
    again = session.pop("connect_again", False)
    consent = again or connections.needs_consent(context.services(), context.person(), provider_id)
    session["connect_asked_again"] = again
    session["connect_from"] = request.args.get("from", "")
    dance = make_dance(provider, ask_consent=consent)
    _require_safe(provider, dance)
    return _as_response(dance.login())


@blueprint.get("/<provider_id>/authorized")
def authorized(provider_id: str) -> ResponseReturnValue:
    """The provider sends the person back here: exchange the code, keep the connection."""
    provider = context.services().provider(provider_id)
    expected = session.get(f"{provider_id}_oauth_state", "")
    given = request.args.get("state", "")
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        return steps.back(
            f"Connecting {provider.label} took too long or began elsewhere. Try again."
        )
    if "error" in request.args:
        _forget(provider_id)
        return steps.back(_refusal(provider, request.args["error"]))
    try:
        tokens = _exchange(provider)
        made = connections.connect(context.services(), context.person(), provider_id, tokens)
    except (ConnectorError, VaultError) as error:
        return steps.back(str(error))
    finally:
        _forget(provider_id)
    asked_again = session.pop("connect_asked_again", False)
    held = connections.holds_refresh_token(context.vault(), made.id)
    if oauth_of(provider).consent_params and not held and not asked_again:
        # The account has consented before, so the provider sent no refresh token, and none is
        # held of it: without one the access would end within the hour. Ask once more.
        session["connect_again"] = True
        began = session.pop("connect_from", "")
        return redirect(url_for(".login", provider_id=provider_id, **{"from": began}))
    return steps.connected(provider, made)


@blueprint.get("/<provider_id>/done")
def done(provider_id: str) -> ResponseReturnValue:
    """What a person sees who began in a terminal."""
    return render_template("connect_done.html", provider=registry.provider_class(provider_id))


def oauth_of(provider: Provider) -> OAuth2:
    """How the provider does OAuth.

    Raises:
        ConfigurationError: It does not.
    """
    if provider.oauth is None:
        raise ConfigurationError(f"{provider.label} does not connect accounts by OAuth")
    return provider.oauth


def make_dance(provider: Provider, *, ask_consent: bool) -> OAuth2ConsumerBlueprint:
    """flask-dance's blueprint for one request.

    Args:
        provider: Whose OAuth data and configuration are used.
        ask_consent: Make the provider ask again, so that it gives a refresh token.
    """
    oauth, config = oauth_of(provider), provider.config
    arguments: dict[str, Any] = {
        "client_id": config.client_id,
        "client_secret": config.client_secret.get_secret_value(),
        "scope": _scope(provider),
        "storage": MemoryStorage(),
        "session_class": _Session,
    }
    if oauth.blueprint:
        module = importlib.import_module(f"flask_dance.contrib.{oauth.blueprint}")
        dance = getattr(module, f"make_{oauth.blueprint}_blueprint")(**arguments)
    else:
        dance = OAuth2ConsumerBlueprint(provider.id, __name__, **arguments)
    # The session's keys are named after it.
    dance.name = provider.id
    dance.authorization_url = rebase(oauth.authorize_url, config.base_url)
    dance.token_url = rebase(oauth.token_url, config.base_url)
    dance.use_pkce = oauth.pkce
    dance.authorization_url_params = dict(oauth.authorize_params)
    # Left to itself, the library sends the secret as HTTP Basic authentication.
    dance.token_url_params["include_client_id"] = oauth.client_auth == "form"
    if ask_consent:
        dance.authorization_url_params.update(oauth.consent_params)
    dance.session.headers.update(provider.headers())
    return dance


def _scope(provider: Provider) -> list[str] | str:
    """The scopes as the provider writes them; oauthlib joins a list with spaces."""
    separator = oauth_of(provider).scope_separator
    return list(provider.scopes()) if separator == " " else separator.join(provider.scopes())


class _Session(OAuth2Session):  # type: ignore[misc]  # flask-dance publishes no types
    """The call to the token endpoint, bounded in time and content with other scopes."""

    def fetch_token(self, *args: Any, **kwargs: Any) -> Any:
        http = context.services().settings.http
        self.register_compliance_hook("access_token_response", _require_answer)
        try:
            return super().fetch_token(
                *args, **kwargs, timeout=(http.connect_timeout, http.read_timeout)
            )
        except Warning as warning:
            # oauthlib raises it when a person granted fewer scopes, or the provider more.
            return getattr(warning, "token")  # noqa: B009 - no type declares the attribute
        finally:
            self.close()


def _require_answer(response: requests.Response) -> requests.Response:
    if response.status_code >= requests.codes.internal_server_error:
        raise TransientError("the provider could not finish connecting; try again in a while")
    return response


def _exchange(provider: Provider) -> Tokens:
    """The tokens for the code in the request; errors name neither.

    Raises:
        ConnectorError: No tokens came; says why and what to do.
    """
    dance = make_dance(provider, ask_consent=False)
    _require_safe(provider, dance)
    try:
        dance.authorized()
        return Tokens.from_json(dance.storage.get(dance) or {})
    except OAuth2Error as error:
        raise ConnectorError(_refusal(provider, error.error)) from None
    except requests.RequestException:
        raise TransientError(f"{provider.label} did not answer. Try again in a while.") from None
    except ValueError:
        raise ConnectorError(f"{provider.label} gave no access. Connect again.") from None


def _refusal(provider: Provider, code: str | None) -> str:
    """What an OAuth error code means to a person (RFC 6749, 4.1.2.1 and 5.2)."""
    name = provider.label
    match code:
        case "access_denied":
            return f"You did not allow access at {name}, so nothing was connected."
        case "invalid_client" | "unauthorized_client" | "deleted_client":
            return f"{name} does not know this server: check {_settings_named(provider)}."
        case "invalid_grant":
            return f"{name} did not accept the answer, perhaps because it came late. Connect again."
        case "temporarily_unavailable" | "server_error":
            return f"{name} cannot connect accounts at the moment. Try again in a while."
    return f"{name} refused to connect the account. Try again; if it goes on, check {_settings_named(provider)}."


def _settings_named(provider: Provider) -> str:
    return f"the settings providers.{provider.id}.client_id and client_secret"


def _require_safe(provider: Provider, dance: OAuth2ConsumerBlueprint) -> None:
    """Plain HTTP is for loopback alone; oauthlib's own switch knows all hosts or none.

    Raises:
        ConfigurationError: A code or token would travel unencrypted.
    """
    here = url_for("connect.authorized", provider_id=provider.id, _external=True)
    for url in (here, dance.authorization_url, dance.token_url):
        if urlsplit(url).scheme == "https":
            continue
        if not is_loopback(url):
            setting = "web.public_url" if url == here else f"providers.{provider.id}.base_url"
            raise ConfigurationError(f"{setting} must begin with https:// to connect accounts")
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"


def _forget(provider_id: str) -> None:
    session.pop(f"{provider_id}_oauth_state", None)
    session.pop(f"{provider_id}_oauth_code_verifier", None)


def _as_response(answer: Any) -> ResponseReturnValue:
    response: ResponseReturnValue = answer
    return response
