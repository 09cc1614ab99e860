"""What the webhooks of content systems, image registries and hosts of sites ask for by themselves. Pure.

What visitors can see afterwards is a change: published, unpublished, deleted while it was public, an asset. Drafts,
autosaves, reviews and models are none. What a host of sites tells of its deploys is none, or builds would set off
builds.

No kind here has a version: the sender's are none of the project's source. Without one the newest is built, and all that
was published before is in it. So these have no line and no order either, and leave the few lines that a gate remembers
to git repositories. An id stands only where the sender repeats it when it delivers again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from holdoff.ingress.events.kinds import Kind, Patterns


def _ignored(
    sender: str,
    name: str,
    what: str,
    named_by: tuple[str, ...],
    when: Mapping[str, Patterns],
    **more: Any,
) -> Kind:
    """What builds nothing unless a rule names it. ``what``: a template of what it is."""
    why = f"nothing is built for {sender}'s {what} unless a rule takes it"
    return Kind(sender=sender, name=name, when=when, ignored=why, named_by=named_by, reason=f"{sender}: {what}", **more)


# --- Contentful: https://www.contentful.com/developers/docs/webhooks/headers/ ----------------------
# An entry is unpublished before it can be archived or deleted. What a release or a bulk action publishes is told one by
# one. The key is the same when a webhook fires twice:
# https://www.contentful.com/developers/changelog/idempotency-key-headers-for-webhook-requests/
_TOPIC: Final = "http.headers.x-contentful-topic"
_KEY: Final = "{http.headers.x-contentful-idempotency-key}"
_CONTENTFUL: Final = (
    *(
        Kind(
            sender="Contentful",
            name=f"{done} content",
            when={_TOPIC: f"*.{kind}.{action}"},
            id=_KEY,
            reason=f"{kind.lower()} {{sys.id}} {done} in Contentful",
        )
        for kind in ("Entry", "Asset")
        for action, done in (("publish", "published"), ("unpublish", "unpublished"))
    ),
    _ignored("Contentful", "another event", f"{{{_TOPIC}}}", (_TOPIC,), {_TOPIC: "*"}, id=_KEY),
    # Without its topic: what is published has a revision, what is being edited has a version.
    _ignored(
        "Contentful",
        "a draft",
        "{sys.type} that is edited",
        ("sys.type",),
        {"sys.space.sys.id": "*", "sys.version": "*"},
    ),
)

# --- Sanity: https://www.sanity.io/docs/content-lake/webhooks --------------------------------------
# Its body is whatever its projection makes of a document, the whole of it by default, so that the headers tell what it
# is. Documents of Sanity's own, such as releases, schemas and groups, begin with "_.".
_OPERATION: Final = "http.headers.sanity-operation"
_DOCUMENT: Final = "http.headers.sanity-document-id"
_SANITY: Final = (
    _ignored(
        "Sanity",
        "a draft",
        f"{{{_OPERATION}}} of a draft",
        (_DOCUMENT,),
        {_OPERATION: "*", _DOCUMENT: ("drafts.*", "versions.*")},
        id="{http.headers.idempotency-key}",
    ),
    _ignored(
        "Sanity",
        "a document of its own",
        f"{{{_OPERATION}}} of {{{_DOCUMENT}}}",
        (_DOCUMENT,),
        {_OPERATION: "*", _DOCUMENT: "_.*"},
        id="{http.headers.idempotency-key}",
    ),
    Kind(
        sender="Sanity",
        name="a document",
        when={_OPERATION: ("create", "update", "delete")},
        id="{http.headers.idempotency-key}",
        reason=f"{{{_OPERATION}}} of {{{_DOCUMENT}|a document}} in Sanity",
    ),
    _ignored("Sanity", "another event", f"{{{_OPERATION}}}", (_OPERATION,), {_OPERATION: "*"}),
    _ignored("Sanity", "a draft", "draft", ("_id",), {"_id": ("drafts.*", "versions.*"), "_type": "*"}),
)

# --- Strapi: https://docs.strapi.io/cms/backend-customization/webhooks -----------------------------
# A type without drafts is public at once; an entry that is not public has null as its ``publishedAt``. The header
# ``X-Strapi-Event`` says what the body says, and tells what has an unknown event from what others send.
_EVENT: Final = "event"
_HEADER: Final = "http.headers.x-strapi-event"
_EDITS: Final = ("entry.create", "entry.update", "entry.delete")
_NO_CHANGES: Final = ("entry.draft-discard", "releases.publish", "review-workflows.updateEntryStage")
_STRAPI: Final = (
    Kind(
        sender="Strapi",
        name="a test",
        when={_EVENT: "trigger-test"},
        ignored="a test of Strapi: the webhook is set up",
    ),
    *(
        _ignored("Strapi", "a draft", f"{{{_EVENT}}} of a draft", (path,), {_EVENT: _EDITS, path: "null"})
        for path in ("entry.publishedAt", "entry.published_at")
    ),
    Kind(
        sender="Strapi",
        name="an entry",
        when={_EVENT: (*_EDITS, "entry.publish", "entry.unpublish")},
        reason=f"{{{_EVENT}}} of {{model|an entry}}{{entry.id^ }} in Strapi",
    ),
    Kind(
        sender="Strapi",
        name="a medium",
        when={_EVENT: ("media.create", "media.update", "media.delete")},
        reason=f"{{{_EVENT}}}{{media.id^ }} in Strapi",
    ),
    Kind(
        sender="Strapi",
        name="a release",
        when={_EVENT: "releases.publish", "isPublished": "true"},
        reason="a release was published in Strapi",
    ),
    *(
        _ignored("Strapi", "another event", f"{{{path}}}", (_EVENT, _HEADER), {path: events})
        for path, events in ((_HEADER, "*"), (_EVENT, _NO_CHANGES))
    ),
)

# --- DatoCMS: https://www.datocms.com/docs/general-concepts/webhooks -------------------------------
# Of a model without drafts the status is "published" at once. A call that is tried again has the same id:
# https://www.datocms.com/docs/content-management-api/resources/webhook-call
_STATUS: Final = "entity.meta.status"
_DELIVERED: Final = ("item", "upload", "cda_cache_tags")


def _dato(name: str, of: Patterns, events: Patterns, when: Mapping[str, Patterns] | None = None, **more: Any) -> Kind:
    return Kind(
        sender="DatoCMS",
        name=name,
        when={"entity_type": of, "event_type": events, **(when or {})},
        id="{webhook_call_id}",
        reason="{event_type} of {entity_type}{entity.id^ } in DatoCMS",
        **more,
    )


def _not_at_dato(name: str, what: str, of: Patterns, events: Patterns, **when: Patterns) -> Kind:
    paths = {_STATUS if path == "status" else path: patterns for path, patterns in when.items()}
    return _dato(
        name,
        of,
        events,
        when=paths,
        ignored=f"nothing is built for DatoCMS's {what} unless a rule takes it",
        named_by=tuple(paths) or ("entity_type", "event_type"),
    )


_DATOCMS: Final = (
    _not_at_dato(
        "a sandbox",
        "{event_type} of {entity_type} in the sandbox {environment}",
        _DELIVERED,
        "*",
        is_environment_primary="false",
    ),
    _not_at_dato("a draft", "{event_type} of a draft", "item", ("create", "update"), status=("draft", "updated")),
    _not_at_dato("a draft", "{event_type} of a draft", "item", "delete", status="draft"),
    _dato("a record", "item", ("publish", "unpublish", "create", "update", "delete")),
    _dato("an upload", "upload", ("create", "update", "delete")),
    _dato("what is delivered", "cda_cache_tags", "invalidate"),
    _dato("a promoted environment", "environment", "promote"),
    _ignored(
        "DatoCMS",
        "another event",
        "{event_type} of {entity_type}",
        ("entity_type", "event_type"),
        {"entity_type": "*", "event_type": "*", "environment": "*"},
        id="{webhook_call_id}",
    ),
)

# --- Prismic: https://prismic.io/docs/webhooks -----------------------------------------------------
# What is public has a new master ref after each publication: the same in all that is sent of one, which is sent again
# every ten minutes unless it is answered with 200.
_PRISMIC_BODY: Final[Mapping[str, Patterns]] = {"domain": "*", "apiUrl": "*"}
_PRISMIC: Final = (
    Kind(
        sender="Prismic",
        name="a test",
        when={**_PRISMIC_BODY, "type": "test-trigger"},
        ignored="a test of Prismic: the webhook is set up",
    ),
    Kind(
        sender="Prismic",
        name="published content",
        when={**_PRISMIC_BODY, "type": "api-update", "masterRef": "?????*"},
        id="prismic:{domain}:{masterRef}",
        reason="published in Prismic's {domain}",
    ),
    _ignored("Prismic", "another event", "{type} without a new master ref", ("type",), {**_PRISMIC_BODY, "type": "*"}),
)

# --- Storyblok: https://www.storyblok.com/docs/concepts/webhooks -----------------------------------
# It sends no id: the same text comes for each publication of a story.
_SPACE: Final[Mapping[str, Patterns]] = {"space_id": "*", "text": "*"}


def _at_storyblok(name: str, entity: str, actions: Patterns, reason: str) -> Kind:
    when = {**_SPACE, "action": actions, entity: "*"}
    return Kind(sender="Storyblok", name=name, when=when, reason=f"{reason} in Storyblok")


_STORYBLOK: Final = (
    _at_storyblok(
        "a story",
        "story_id",
        ("published", "unpublished", "deleted", "moved"),
        "story {full_slug,story_id} {action}",
    ),
    _at_storyblok("an asset", "asset_id", ("created", "replaced", "deleted", "restored"), "asset {asset_id} {action}"),
    _at_storyblok(
        "a data source",
        "datasource_slug",
        ("entries_updated", "datasource_entry_saved"),
        "data source {datasource_slug} {action}",
    ),
    _at_storyblok("a release", "release_id", "merged", "release {release_id} merged"),
    # What is in one stage of a pipeline is copied to the next, of which there may be a site.
    _at_storyblok("a stage", "branch_id", ("deployed", "branch_deployed"), "stage {branch_id} deployed"),
    # The form that it had at first, without an action.
    Kind(
        sender="Storyblok",
        name="a release",
        when={**_SPACE, "release_id": "*", "text": "*has been merged*"},
        reason="release {release_id} merged in Storyblok",
    ),
    _ignored("Storyblok", "another event", "{action}", ("action",), {**_SPACE, "action": "*"}),
)

# --- Image registries: a repository's tag points at another image ----------------------------------
# https://docs.docker.com/docker-hub/repos/manage/webhooks/   https://docs.quay.io/guides/notifications.html
_REGISTRIES: Final = (
    Kind(
        sender="Docker Hub",
        name="a pushed image",
        when={"push_data.pushed_at": "*", "repository.repo_name": "?*"},
        id="docker:{repository.repo_name}{push_data.tag^:}@{push_data.pushed_at}",
        reason="image {repository.repo_name}{push_data.tag^:} pushed",
        by="{push_data.pusher}",
    ),
    # Its tags were an object at first, with counts beside it.
    *(
        Kind(
            sender="Quay",
            name="a pushed image",
            when={"docker_url": "?*", "repository": "?*", pushed: "*"},
            reason="image {repository}{updated_tags.0^:} pushed",
        )
        for pushed in ("updated_tags", "pushed_image_count", "pruned_image_count")
    ),
    # Builds of Quay's own, scans, mirrors. What they pushed a push tells, too.
    _ignored(
        "Quay",
        "another event",
        "event of {repository}",
        ("build_id", "trigger_kind", "vulnerability.id", "message", "expiring_in"),
        {"docker_url": "?*", "repository": "?*", "namespace": "?*"},
    ),
)

# --- Hosts of sites --------------------------------------------------------------------------------
# https://docs.netlify.com/deploy/deploy-notifications/   https://vercel.com/docs/webhooks/webhooks-api
_VERCEL: Final = (
    *("deployment*", "project.*", "domain.*", "integration-*", "edge-config*", "firewall.*", "alerts.*"),
    *("budget.*", "flag*", "marketplace.*", "observability.*"),
)
_HOSTS: Final = (
    _ignored(
        "Netlify",
        "a deploy",
        "{http.headers.x-netlify-event}",
        ("http.headers.x-netlify-event",),
        {"http.headers.x-netlify-event": "*"},
    ),
    _ignored(
        "Vercel",
        "a deploy",
        "{type}",
        ("type",),
        {"type": _VERCEL, "id": "*", "createdAt": "*", "region": "*"},
        id="{id}",
    ),
    _ignored(
        "Netlify",
        "a deploy",
        "deploy in the state {state}",
        ("state",),
        {"site_id": "*", "deploy_ssl_url": "*", "state": "*"},
    ),
)

# --- Senders that are known by their secret alone, whatever it is that they send --------------------
_BY_SCHEME: Final = tuple(
    _ignored(sender, "another event", "event of a kind that is not known", ("change.type",), {"http.webhook": scheme})
    for scheme, sender in (
        ("azure", "Azure DevOps"),
        ("storyblok", "Storyblok"),
        ("vercel", "Vercel"),
    )
)

TABLES: Final = (_CONTENTFUL, _SANITY, _STRAPI, _DATOCMS, _PRISMIC, _STORYBLOK, _REGISTRIES, _HOSTS, _BY_SCHEME)
