"""Every error as a page for people, or as JSON below `/api/`: what happened, and the way out."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from connectors.sdk.errors import ConnectorError
from vault.errors import NotFoundError, VaultError

#: In place of werkzeug's words, which speak to programmers.
_PLAIN = {
    400: "The request could not be understood.",
    401: "Sign in first.",
    404: "There is nothing here.",
    405: "That cannot be done here.",
    413: "That is too large.",
    500: "Something went wrong here. It has been logged.",
}


def init_app(app: Flask) -> None:
    """Handle the errors of all of the app's requests."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(NotFoundError, _not_found)
    app.register_error_handler(VaultError, _unavailable)
    app.register_error_handler(ConnectorError, _refused)
    app.register_error_handler(RedisError, _no_redis)


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    code = error.code or 500
    # webargs keeps what was wrong with each argument in `data`.
    data = getattr(error, "data", None) or {}
    default = type(error).description == error.description
    message = _PLAIN.get(code) if default else error.description
    return _answer(code, message or HTTPStatus(code).phrase, data.get("messages"))


def _not_found(error: NotFoundError) -> Response:
    return _answer(404, str(error))


def _unavailable(error: VaultError) -> Response:
    return _answer(503, str(error))


def _refused(error: ConnectorError) -> Response:
    return _answer(400, str(error))


def _no_redis(_: RedisError) -> Response:
    # Its own message may hold the address with the password.
    return _answer(503, "Redis does not answer. Start the server again, or check DCS_REDIS_URL.")


def _answer(code: int, message: str, errors: object = None) -> Response:
    if request.path.startswith("/api/"):
        body: dict[str, object] = {
            "code": code,
            "status": HTTPStatus(code).phrase,
            "message": message,
        }
        if errors:
            body["errors"] = errors
        answer = jsonify(body)
    else:
        g.setdefault("person", None)
        title = HTTPStatus(code).phrase
        answer = make_response(render_template("error.html", title=title, message=message))
    answer.status_code = code
    return answer
