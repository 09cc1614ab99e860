"""GitHub Actions as a starter: ``workflow_dispatch`` of a workflow on a ref. A build's id is the id of the run.

The answer has the id, because the request asks for it (``return_run_details``). After a 204 without an id the run
exists all the same, and ``find`` finds it.

https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
https://github.blog/changelog/2026-02-19-workflow-dispatch-api-now-returns-run-ids
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api

**A run is found again by its token**, in the input ``holdoff_token``. The workflow declares this input and has it in
its ``run-name``, because the API shows a run's title and none of its inputs. If the title is just the workflow's name,
there is no ``run-name``. Then the first run on the same ref since the token's instant counts as the claim's own. Even
if a person started it, it builds the same ref, later than the claim: no change is lost, and none is built twice. GitHub
has no idempotency key, so there is no ``token_memory_ms``.

The event of the dispatch has the input, too. By that the ingress knows that it must not build for this event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from holdoff.core.errors import ConfigError, HoldoffError, Verdict
from holdoff.core.request import Request
from holdoff.core.shown import MISSING
from holdoff.core.token import instant_ms
from holdoff.core.units import parse_instant
from holdoff.references import UNSHOWN
from holdoff.starters.on_http import LONGEST_WAIT_MS, OnApi, Row, endpoint_in
from holdoff.starters.sending import INSTALL, Answer, Time, Unanswered, send
from holdoff.starters.templates import STARTING, entries_in, filled, text_in, values_of

TOKEN_INPUT: Final = "holdoff_token"
_VERSION: Final = "2022-11-28"
_FORMS: Final = {
    "github": (r"[\w.-]{1,100}/[\w.-]{1,100}", "a repository such as 'acme/site'"),
    "workflow": (r"[\w.-]{1,200}", "a workflow file's name, such as 'build.yml'"),
    "app": (r"[\w.-]{1,60}", "an app's client id, such as 'Iv23abc'"),
}
#: https://docs.github.com/en/rest/actions/workflow-runs: "up to 1,000 results for each search"
MOST_LISTED: Final = 1_000
#: An installation's token is valid for an hour. A new one is fetched this long before its end.
RENEW_MS: Final = 300_000
_SLOW: Final = "GitHub asks to slow down, and it is tried again"
_NEEDS: Final = (
    f"The workflow needs 'on: workflow_dispatch' on this ref, with the inputs sent, {TOKEN_INPUT} among them"
)
_FOR_APPS: Final = "See the app's id and key, and install it on the repository, with 'Actions: write'"


class GitHub(OnApi):
    """Dispatches a workflow of a repository.

    Rights: "Actions: write" on the repository, for a token or for an app that is installed there.

    Args:
        repository: ``OWNER/NAME``.
        workflow: the workflow file's name, ``build.yml``.
        ref: the branch or tag to run it on; a text that is filled in (``templates``), such as ``{branch|main}``.
        inputs: the workflow's inputs, also texts to fill in. The trigger's variables and ``holdoff_token`` are added.
        token: a reference to a personal token. Default: ``env:GITHUB_TOKEN``.
        app, private_key: in place of the token, an app's client id and a reference to its key.
        endpoint: the API of a GitHub Enterprise Server (from 3.21), ``https://HOST/api/v3``.
        folder: where the relative paths of ``file:`` references start.

    Raises:
        ConfigError: an argument is not what it should be.
    """

    service = "GitHub"
    id_at = "workflow_run_id"
    rows: tuple[Row, ...] = (
        *(Row((403, 429), Verdict.NOT_NOW, _SLOW, header=one) for one in ("retry-after", "x-ratelimit-remaining: 0")),
        Row((403, 429), Verdict.NOT_NOW, _SLOW, words=("rate limit", "abuse detection")),
        Row((302, 303), Verdict.NEVER, "The repository has moved: write its new name"),
        Row((401,), Verdict.NEVER, "Renew the token, or see the app's id and key"),
        Row((403,), Verdict.NEVER, "Grant 'Actions: write' on the repository"),
        Row((404,), Verdict.NEVER, "See the names of repository and workflow, and grant 'Actions: write' there"),
        Row((422,), Verdict.NEVER, _NEEDS),
    )
    #: https://docs.github.com/en/actions/reference/limits: a run may take 35 days, with all its waiting.
    build_lease_ms = 35 * 24 * 3_600_000
    find: Final = OnApi._find
    status: Final = OnApi._status
    cancel: Final = OnApi._cancel

    def __init__(
        self,
        repository: str,
        *,
        workflow: str | None = None,
        ref: str = "main",
        inputs: Mapping[str, str] | None = None,
        token: str | None = None,
        app: str | int | None = None,
        private_key: str | None = None,
        endpoint: str | None = None,
        folder: str | None = None,
    ) -> None:
        parts = {
            "repository": _named("github", repository),
            "workflow": _named("workflow", workflow),
            "ref": text_in("ref", ref, STARTING),
            "inputs": entries_in("inputs", inputs, STARTING),
        }
        super().__init__("github", parts, folder)
        self._endpoint = endpoint_in(endpoint, "https://api.github.com")
        self._repository = f"{self._endpoint}/repos/{repository}"
        self._app = None if app is None else _named("app", str(app) if type(app) is int else app)
        if (app is None) != (private_key is None) or (app is not None and token is not None):
            raise ConfigError(field="app", got=UNSHOWN, want="app and private_key together and no token, or only token")
        key = private_key if app is not None else "env:GITHUB_TOKEN" if token is None else token
        self._secret = text_in("token" if app is None else "private_key", key, secret=True)
        self._kept: tuple[str, int] | None = None  # the installation's token, and the instant when it expires

    def _send(self, time: Time, parts: dict[str, Any], request: Request, token: str) -> Answer:
        values = values_of(request, token)
        inputs = {name: filled(text, values, self.folder) for name, text in parts["inputs"].items()}
        inputs |= {**dict(request.environment), TOKEN_INPUT: token}
        body = {
            "ref": filled(parts["ref"], values, self.folder) or "main",
            "inputs": {name: value for name, value in inputs.items() if value is not None},
            "return_run_details": True,
        }
        return self._ask(time, "POST", f"{self._workflow(parts)}/dispatches", json=body)

    def _ask(self, time: Time, method: str, url: str, **body: Any) -> Answer:
        answer = super()._ask(time, method, url, **body)
        self._kept = None if answer.status == 401 else self._kept  # the token was revoked
        return answer

    def _message_in(self, answer: Answer) -> str:
        return str(answer.table().get("message") or "")

    def _asked_to_wait_ms(self, answer: Answer) -> int:
        reset = answer.headers.get("x-ratelimit-reset", "")
        if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
            return min(int(reset[:12]) * 1000 - self.clock.now_ms(), LONGEST_WAIT_MS)
        return super()._asked_to_wait_ms(answer) or 60_000  # "wait for at least one minute"

    def _found(self, time: Time, parts: dict[str, Any], request: Request, token: str) -> str | None:
        ref = filled(parts["ref"], values_of(request, token), self.folder) or "main"
        branch = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        unnamed: str | None = None
        url = f"{self._workflow(parts)}/runs?event=workflow_dispatch&created="
        for number, run in enumerate(self._pages(time, url, token, "workflow_runs", "..*"), start=1):
            if number == MOST_LISTED:
                raise HoldoffError(f"GitHub lists no more than {MOST_LISTED:,} runs, and there may be older ones")
            if token in run["display_title"]:
                return str(run["id"])
            began_ms = parse_instant(run["created_at"], field="created_at") + 999  # GitHub gives whole seconds
            is_unnamed = run["display_title"] == run["name"] and run["head_branch"] == branch
            if is_unnamed and began_ms >= (instant_ms(token) or 0):
                unnamed = str(run["id"])  # the newest come first, so the last one counts
        return unnamed

    def _state(self, run: dict[str, Any]) -> str | None:
        if run.get("status") != "completed":
            return "running" if run.get("status") else None
        return "succeeded" if run.get("conclusion") in ("success", "neutral") else "failed"

    def _cancels(self, answer: Answer) -> bool:
        return answer.status == 202  # its body is empty

    def _url_of(self, build_id: str) -> str:
        return f"{self._repository}/actions/runs/{build_id}"

    def _workflow(self, parts: Mapping[str, Any]) -> str:
        return f"{self._endpoint}/repos/{parts['repository']}/actions/workflows/{parts['workflow']}"

    def _headers(self, time: Time) -> dict[str, str]:
        secret = filled(self._secret, {}, self.folder) or ""
        return _with(secret if self._app is None else self._installation(time, self._app, secret))

    def _installation(self, time: Time, app: str, key: str) -> str:
        """The app's token for the repository, kept until it expires. Raises ``Unanswered`` if there is none."""
        now_ms, kept = self.clock.now_ms(), self._kept  # another thread may set it to None
        if kept is None or now_ms >= kept[1] - RENEW_MS:
            headers = _with(_signed(app, key, now_ms // 1000))
            which = self._for_app(time, "GET", f"{self._repository}/installation", headers, "id")
            url = f"{self._endpoint}/app/installations/{which['id']}/access_tokens"
            made = self._for_app(time, "POST", url, headers, "token", "expires_at")
            self._kept = kept = made["token"], parse_instant(made["expires_at"], field="expires_at")
        return kept[0]

    def _for_app(self, time: Time, method: str, url: str, headers: Mapping[str, str], *wanted: str) -> dict[str, Any]:
        try:
            answer = send(time, method, url, headers=headers)
        except Unanswered as error:
            passes, hint, message = error.verdict is not Verdict.NEVER, error.hint, error.message
        else:
            content = answer.table()
            if answer.is_done and content.keys() >= {*wanted}:
                return content
            passes = self._row_of(answer).verdict is not Verdict.NEVER
            hint, message = _FOR_APPS, self._summary(answer)
        raise Unanswered(f"no token for the app, {message}", Verdict.NOT_NOW if passes else Verdict.NEVER, hint=hint)


def _with(token: str) -> dict[str, str]:
    api = {"accept": "application/vnd.github+json", "x-github-api-version": _VERSION}
    return {**api, "authorization": f"Bearer {token}"}


def _signed(app: str, key: str, now_s: int) -> str:
    """The token of the app itself.

    https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
    """
    try:
        import jwt

        return jwt.encode({"iat": now_s - 60, "exp": now_s + 540, "iss": app}, key, algorithm="RS256")
    except ImportError:
        raise Unanswered("the package that signs for an app is not installed", Verdict.NEVER, hint=INSTALL) from None
    except Exception:  # noqa: BLE001  (its message may have the key)
        raise Unanswered("private_key does not lead to an app's key (PEM)", Verdict.NEVER, hint=_FOR_APPS) from None


def _named(field: str, value: object) -> str:
    form, want = _FORMS[field]
    if not isinstance(value, str) or not re.fullmatch(form, value, re.ASCII):
        raise ConfigError(field=field, got=MISSING if value is None else UNSHOWN, want=want)
    return value
