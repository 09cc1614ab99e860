"""GitLab CI as a starter: a pipeline on a ref, by a trigger token or by the API. A build's id is the pipeline's id.

https://docs.gitlab.com/api/pipeline_triggers/   https://docs.gitlab.com/api/pipelines/
https://docs.gitlab.com/administration/instance_limits/

**A pipeline is found again by its token**, in the variable HOLDOFF_TOKEN. The API shows the variable to a maintainer
and to the owner of the pipeline. GitLab has no idempotency key, so there is no ``token_memory_ms``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from holdoff.core.errors import ConfigError, Verdict
from holdoff.core.request import TOKEN_VARIABLE, TOLD, Request
from holdoff.references import UNSHOWN
from holdoff.starters.base import check_no_token, remember
from holdoff.starters.on_http import OnApi, Row, endpoint_in
from holdoff.starters.sending import Answer, Time, send
from holdoff.starters.templates import STARTING, entries_in, filled, text_in, values_of

_PROJECT: Final = re.compile(r"\d{1,12}|[\w.-]+(?:/[\w.-]+)+")
#: https://docs.gitlab.com/api/pipelines/: in all other states a pipeline runs.
_STATES: Final = {"success": "succeeded"} | dict.fromkeys(("failed", "canceled", "skipped"), "failed")


class GitLab(OnApi):
    """Runs a pipeline of a project.

    Args:
        project: its path ``GROUP/NAME``, or its number.
        ref: the branch or tag to run it on; a text that is filled in (``templates``), such as ``{branch|main}``.
        environment: variables of every pipeline, also texts to fill in; a trigger's of the same name replace them.
        token: a reference to an access token with the scope ``api``. Default: ``env:GITLAB_TOKEN``, unless there is a
            trigger token. Without an access token a pipeline is started, but neither found again nor followed.
        trigger_token: a reference to a pipeline trigger token, by which pipelines are started.
        endpoint: an instance of your own, ``https://HOST``.
        folder: where the relative paths of ``file:`` references start.

    Raises:
        ConfigError: an argument is not what it should be.
    """

    service = "GitLab"
    id_at = "id"
    rows: tuple[Row, ...] = (
        # The limit for pipelines of one commit and user in a minute.
        Row((400,), Verdict.NOT_NOW, "GitLab asks to slow down, and it is tried again", words=("too many pipelines",)),
        Row((302, 303), Verdict.NEVER, "See the project's path: it has moved, or this is a page to log in at"),
        Row((400, 422), Verdict.NEVER, "See the ref, .gitlab-ci.yml, and whether the token may set pipeline variables"),
        Row((401, 403), Verdict.NEVER, "Renew the token, with the scope 'api' and a role that may run pipelines"),
        Row((404,), Verdict.NEVER, "See the project's path, and whether the token is of this project"),
    )
    #: A pipeline may wait for a person or a resource for days; no document has a limit.
    build_lease_ms = 30 * 24 * 3_600_000
    #: There only with an access token.
    find: Callable[[str, Request], str | None]
    status: Callable[[str], str | None]
    cancel: Callable[[str], None]

    def __init__(
        self,
        project: str | int,
        *,
        ref: str = "main",
        environment: Mapping[str, str] | None = None,
        token: str | None = None,
        trigger_token: str | None = None,
        endpoint: str | None = None,
        folder: str | None = None,
    ) -> None:
        if not _PROJECT.fullmatch(str(project)):
            want = "a project's path, such as 'acme/site', or its number"
            raise ConfigError(field="gitlab", got=UNSHOWN, want=want)
        variables = entries_in("environment", environment, STARTING)
        check_no_token(variables)
        parts = {"project": str(project), "ref": text_in("ref", ref, STARTING), "environment": variables}
        super().__init__("gitlab", parts, folder)
        self._endpoint = endpoint_in(endpoint, "https://gitlab.com")
        self._seen: dict[str, list[str]] = {}
        self._trigger = None if trigger_token is None else text_in("trigger_token", trigger_token, secret=True)
        if token is not None or trigger_token is None:
            self._secret = text_in("token", "env:GITLAB_TOKEN" if token is None else token, secret=True)
            self.find, self.status, self.cancel = self._find, self._status, self._cancel

    def _send(self, time: Time, parts: dict[str, Any], request: Request, token: str) -> Answer:
        values = values_of(request, token)
        about = {name: values[field] for name, field in TOLD.items()}
        own = {name: filled(text, values, self.folder) for name, text in parts["environment"].items()}
        every = {**about, **own, **dict(request.environment), TOKEN_VARIABLE: token}
        variables = {name: value for name, value in every.items() if value is not None}
        ref, url = filled(parts["ref"], values, self.folder) or "main", self._api(parts["project"])
        if self._trigger is not None:
            body = {"ref": ref, "token": filled(self._trigger, {}, self.folder), "variables": variables}
            return send(time, "POST", f"{url}/trigger/pipeline", headers={}, json=body)
        listed = [{"key": name, "value": value} for name, value in variables.items()]
        return self._ask(time, "POST", f"{url}/pipeline", json={"ref": ref, "variables": listed})

    def _message_in(self, answer: Answer) -> str:
        body = answer.table()
        message = body.get("message") or body.get("error")
        base = message.get("base") if isinstance(message, dict) else None
        words = base if isinstance(base, list) else [message]
        return "; ".join(word for word in words if isinstance(word, str))

    def _found(self, time: Time, parts: dict[str, Any], request: Request, token: str) -> str | None:
        url = f"{self._api(parts['project'])}/pipelines"
        for pipeline in self._pages(time, f"{url}?order_by=id&sort=desc&created_after=", token):
            if pipeline["source"] in ("trigger", "api") and token in self._tokens_of(time, f"{url}/{pipeline['id']}"):
                return str(pipeline["id"])
        return None

    def _tokens_of(self, time: Time, url: str) -> list[str]:
        """The token of a pipeline, if it has one. It never changes, so it is read once. If there are too many pipelines
        for one search, a later search goes on with the rest."""
        if (known := self._seen.get(url)) is None:
            variables = self._list(self._ask(time, "GET", f"{url}/variables?per_page=100"))
            known = remember(self._seen, url, [one["value"] for one in variables if one["key"] == TOKEN_VARIABLE])
        return known

    def _state(self, pipeline: dict[str, Any]) -> str | None:
        state = pipeline.get("status")
        return _STATES.get(state, "running") if isinstance(state, str) else None

    def _cancels(self, answer: Answer) -> bool:
        return "id" in answer.table()

    def _url_of(self, build_id: str) -> str:
        return f"{self._api(self._parts['project'])}/pipelines/{build_id}"

    def _api(self, project: str) -> str:
        return f"{self._endpoint}/api/v4/projects/{quote(project, safe='')}"

    def _headers(self, _time: Time) -> dict[str, str]:
        return {"authorization": f"Bearer {filled(self._secret, {}, self.folder)}"}
