"""What the webhooks of content systems, registries, stores, clouds and hosts of sites ask for by themselves. Pure.

What visitors can see afterwards is a change: published, unpublished, deleted while it was public, an asset; an object
or image that was written. Drafts, autosaves, reviews and models are none. What a host of sites, or a service that
builds, tells of its work is none, or builds would set off builds.

No kind here has a version: the sender's are none of the project's source. Without one the newest is built, and all that
was published before is in it. So these have no line and no order either, and leave the few lines that a gate remembers
to git repositories. An id stands only where the sender repeats it when it delivers again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from holdoff.ingress.events.kinds import ABOUT_AN_IMAGE, Kind, control, paths_of, trial


def _change(sender: str, name: str, when: str, reason: str, **more: Any) -> Kind:
    """What builds. ``when``: its conditions (``Kind.when``)."""
    return Kind(sender=sender, name=name, when=when, reason=reason, **more)


def _ignored(sender: str, name: str, what: str, named_by: str, when: str, **more: Any) -> Kind:
    """What builds nothing unless a rule names it by one of these paths, with commas between. ``what``: a template of
    what it is."""
    why = f"nothing is built for {sender}'s {what} unless a rule takes it"
    return _change(sender, name, when, f"{sender}: {what}", ignored=why, named_by=tuple(named_by.split(",")), **more)


def _typed(
    sender: str, path: str, known_by: str, changes: str, others: str = "*", *, tag: str = "", **more: str
) -> Iterator[Kind]:
    """What a sender tells, by its type.

    Args:
        path: where the type is; known_by: the conditions by which the sender is known besides.
        changes: the types that are changes; others: those that are none. Empty: there are none of these.
        tag: where an image's tag is. What is pushed about an image, beside it, is none (as ``aws`` has it).
    """
    known = f"{known_by} & " if known_by else ""
    if tag:
        what = f"{{{path}}} of {{{tag}}}"
        yield _ignored(sender, "a signature", what, tag, f"{known}{path} & {tag}={ABOUT_AN_IMAGE}", **more)
    if changes:
        yield _change(sender, "a change", f"{known}{path}={changes}", f"{{{path}}} in {sender}", **more)
    if others:
        yield _ignored(sender, "another event", f"{{{path}}}", path, f"{known}{path}={others}", **more)


# --- Contentful: https://www.contentful.com/developers/docs/webhooks/headers/ ----------------------
# An entry is unpublished before it can be archived or deleted. What a release or a bulk action publishes is told one by
# one. The key is the same when a webhook fires twice:
# https://www.contentful.com/developers/changelog/idempotency-key-headers-for-webhook-requests/
_TOPIC: Final = "http.headers.x-contentful-topic"
_KEY: Final = "{http.headers.x-contentful-idempotency-key}"
_CONTENTFUL: Final = (
    *(
        _change(
            "Contentful",
            f"{done} content",
            f"{_TOPIC}=*.{kind}.{action}",
            f"{kind.lower()} {{sys.id}} {done} in Contentful",
            id=_KEY,
        )
        for kind in ("Entry", "Asset")
        for action, done in (("publish", "published"), ("unpublish", "unpublished"))
    ),
    _ignored("Contentful", "another event", f"{{{_TOPIC}}}", _TOPIC, _TOPIC, id=_KEY),
    # Without its topic: what is published has a revision, what is being edited has a version.
    _ignored("Contentful", "a draft", "{sys.type} that is edited", "sys.type", "sys.space.sys.id & sys.version"),
)

# --- Sanity: https://www.sanity.io/docs/content-lake/webhooks --------------------------------------
# Its body is whatever its projection makes of a document, the whole of it by default, so that the headers tell what it
# is. Documents of Sanity's own, such as releases, schemas and groups, begin with "_.".
_OPERATION: Final = "http.headers.sanity-operation"
_DOCUMENT: Final = "http.headers.sanity-document-id"
_SANITY: Final = (
    *(
        _ignored("Sanity", name, f"{{{_OPERATION}}} of {what}", _DOCUMENT, f"{_OPERATION} & {_DOCUMENT}={ids}")
        for name, what, ids in (
            ("a draft", "a draft", "drafts.*|versions.*"),
            ("a document of its own", f"{{{_DOCUMENT}}}", "_.*"),
        )
    ),
    _change(
        "Sanity",
        "a document",
        f"{_OPERATION}=create|update|delete",
        f"{{{_OPERATION}}} of {{{_DOCUMENT}|a document}} in Sanity",
    ),
    _ignored("Sanity", "another event", f"{{{_OPERATION}}}", _OPERATION, _OPERATION),
    _ignored("Sanity", "a draft", "draft", "_id", "_id=drafts.*|versions.* & _type"),
)

# --- Strapi: https://docs.strapi.io/cms/backend-customization/webhooks -----------------------------
# A type without drafts is public at once; an entry that is not public has null as its ``publishedAt``. The header
# ``X-Strapi-Event`` says what the body says, and tells what has an unknown event from what others send.
_HEADER: Final = "http.headers.x-strapi-event"
_EDITS: Final = "event=entry.create|entry.update|entry.delete"
_NO_CHANGES: Final = "event=entry.draft-discard|releases.publish|review-workflows.updateEntryStage"
_STRAPI: Final = (
    trial("Strapi", "event=trigger-test"),
    _ignored(
        "Strapi",
        "a draft",
        "{event} of a draft",
        "entry.publishedAt,entry.published_at",
        f"{_EDITS} & entry.publishedAt,entry.published_at=null",
    ),
    _change(
        "Strapi",
        "an entry",
        f"{_EDITS}|entry.publish|entry.unpublish",
        "{event} of {model|an entry}{entry.id^ } in Strapi",
    ),
    _change("Strapi", "a medium", "event=media.create|media.update|media.delete", "{event}{media.id^ } in Strapi"),
    _change("Strapi", "a release", "event=releases.publish & isPublished=true", "a release was published in Strapi"),
    _ignored("Strapi", "another event", f"{{{_HEADER}}}", f"event,{_HEADER}", _HEADER),
    _ignored("Strapi", "another event", "{event}", f"event,{_HEADER}", _NO_CHANGES),
)

# --- DatoCMS: https://www.datocms.com/docs/general-concepts/webhooks -------------------------------
# Of a model without drafts the status is "published" at once. A call that is tried again has the same id:
# https://www.datocms.com/docs/content-management-api/resources/webhook-call
_STATUS: Final = "entity.meta.status"
_CALL: Final = "{webhook_call_id}"


def _not_at_dato(name: str, what: str, of: str, named_by: str, when: str) -> Kind:
    when = f"entity_type={of} & {when}"
    return _ignored("DatoCMS", name, f"{{event_type}} of {what}", named_by, when, id=_CALL)


_DATOCMS: Final = (
    _not_at_dato(
        "a sandbox",
        "{entity_type} in the sandbox {environment}",
        "item|upload|cda_cache_tags",
        "is_environment_primary",
        "event_type & is_environment_primary=false",
    ),
    *(
        _not_at_dato("a draft", "a draft", "item", _STATUS, f"event_type={events} & {_STATUS}={status}")
        for events, status in (("create|update", "draft|updated"), ("delete", "draft"))
    ),
    *(
        _change("DatoCMS", name, when, "{event_type} of {entity_type}{entity.id^ } in DatoCMS", id=_CALL)
        for name, when in (
            ("a record", "entity_type=item & event_type=publish|unpublish|create|update|delete"),
            ("an upload", "entity_type=upload & event_type=create|update|delete"),
            ("what is delivered", "entity_type=cda_cache_tags & event_type=invalidate"),
            ("a promoted environment", "entity_type=environment & event_type=promote"),
        )
    ),
    _not_at_dato("another event", "{entity_type}", "*", "entity_type,event_type", "event_type & environment"),
)

# --- Prismic: https://prismic.io/docs/webhooks -----------------------------------------------------
# What is public has a new master ref after each publication: the same in all that is sent of one, which is sent again
# every ten minutes unless it is answered with 200.
_BODY: Final = "domain & apiUrl"
_PRISMIC: Final = (
    trial("Prismic", f"{_BODY} & type=test-trigger"),
    _change(
        "Prismic",
        "published content",
        f"{_BODY} & type=api-update & masterRef=?????*",
        "published in Prismic's {domain}",
        id="prismic:{domain}:{masterRef}",
    ),
    _ignored("Prismic", "another event", "{type} without a new master ref", "type", f"{_BODY} & type"),
)

# --- Storyblok: https://www.storyblok.com/docs/concepts/webhooks -----------------------------------
# It sends no id: the same text comes for each publication of a story.
_SPACE: Final = "space_id & text"
_STORYBLOK: Final = (
    *(
        _change("Storyblok", name, f"{_SPACE} & {when}", f"{reason} in Storyblok")
        for name, when, reason in (
            ("a story", "story_id & action=published|unpublished|deleted|moved", "story {full_slug,story_id} {action}"),
            ("an asset", "asset_id & action=created|replaced|deleted|restored", "asset {asset_id} {action}"),
            (
                "a data source",
                "datasource_slug & action=entries_updated|datasource_entry_saved",
                "data source {datasource_slug} {action}",
            ),
            # At first it had a text, and no action.
            ("a release", "release_id & action,text=merged|*has been merged*", "release {release_id} merged"),
            # What is in one stage of a pipeline is copied to the next, of which there may be a site.
            ("a stage", "branch_id & action=deployed|branch_deployed", "stage {branch_id} deployed"),
        )
    ),
    _ignored("Storyblok", "another event", "{action}", "action", f"{_SPACE} & action"),
)

# --- Drafts of content systems whose other events build; at Contentstack all but publications -------
# https://docs.ghost.org/webhooks: of a deleted post it tells all that it was before; of the rest, what it is now, and
# which fields were different before.
_GHOST_BEFORE: Final = "post.previous.status,page.previous.status"
_DRAFTS: Final = (
    _change(
        "Ghost",
        "a change",
        f"post.current.status,page.current.status,{_GHOST_BEFORE}=published|sent",
        "a post or page in Ghost",
    ),
    *(
        _ignored(sender, "a draft", "draft", ",".join(paths_of(when)), when)
        for sender, when in (
            ("Ghost", "post.current.status,page.current.status=draft|scheduled"),
            ("Ghost", f"{_GHOST_BEFORE}=draft|scheduled & post.previous.uuid,page.previous.uuid"),
            # https://agilitycms.com/docs/apis/webhooks
            ("Agility", "state=Saved|Approved|Declined|AwaitingApproval & instanceGUID"),
            # https://buttercms.com/docs/build-your-app/webhooks-events/webhook-event-types: saved as a draft, a page
            # stays public, and a post does not.
            ("ButterCMS", "webhook.event=page.draft"),
            # https://hygraph.com/docs/api-reference/basics/webhooks
            ("Hygraph", "operation=create|update & data.stage=DRAFT"),
            # https://kontent.ai/learn/docs/webhooks, and its first form
            ("Kontent.ai", "notifications.0.message.delivery_slot,message.api_name=preview|delivery_preview"),
            # https://developer.wordpress.org/reference/classes/wp_post/, as plug-ins post it on each save
            ("WordPress", "post.post_status,post.post_type=auto-draft|revision"),
            # https://developers.webflow.com/data/reference/webhooks/events/collection-item-created
            ("Webflow", "triggerType=collection_item_created & payload.isDraft=true"),
        )
    ),
    # https://www.contentstack.com/docs/developers/set-up-webhooks/webhook-events
    *_typed(
        "Contentstack",
        "event",
        "module=entry|asset|content_type|global_field|release|taxonomy|term & api_key",
        "publish|unpublish|*publish.success|delete*|deploy*",
    ),
)

# --- Image registries: a repository's tag points at another image ----------------------------------
# https://docs.docker.com/docker-hub/repos/manage/webhooks/   https://docs.quay.io/guides/notifications.html
_QUAY: Final = "docker_url=?* & repository=?*"
_JFROG: Final = "domain=artifact_*|build|release_bundle*|distribution|destination"


def _images(sender: str, known_by: str, repository: str, tag: str, **more: str) -> Iterator[Kind]:
    """Pushes of an image, by the paths of its repository and its tag."""
    what = f"{known_by} & {tag}={ABOUT_AN_IMAGE}"
    yield _ignored(sender, "a signature", f"push of {{{tag}}}", tag, what)
    yield _change(sender, "a pushed image", known_by, f"image {{{repository}}}{{{tag}^:}} pushed", **more)


_REGISTRIES: Final = (
    *_images(
        "Docker Hub",
        "push_data.pushed_at & repository.repo_name=?*",
        "repository.repo_name",
        "push_data.tag",
        id="docker:{repository.repo_name}{push_data.tag^:}@{push_data.pushed_at}",
        by="{push_data.pusher}",
    ),
    # A signature is pushed by itself. Tags were an object at first, with counts beside it.
    _change("Quay", "a pushed image", f"{_QUAY} & updated_tags.1", "image {repository}:{updated_tags.0} pushed"),
    *_images("Quay", f"{_QUAY} & updated_tags,pushed_image_count,pruned_image_count", "repository", "updated_tags.0"),
    # Builds of Quay's own, scans, mirrors. What they pushed a push tells, too.
    _ignored(
        "Quay",
        "another event",
        "event of {repository}",
        "build_id,trigger_kind,vulnerability.id,message,expiring_in",
        f"{_QUAY} & namespace=?*",
    ),
    # https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/
    *_typed(
        "Harbor",
        "type",
        "event_data.repository.repo_full_name",
        "PUSH_ARTIFACT|UPLOAD_CHART|pushImage",
        tag="event_data.resources.0.tag",
    ),
    *_typed("Harbor", "type", "occur_at", "", "REPLICATION|TAG_RETENTION"),
    # https://learn.microsoft.com/en-us/azure/container-registry/container-registry-webhook-reference
    *_typed(
        "Azure Container Registry",
        "action",
        "target.repository & request.host",
        "push|chart_push",
        tag="target.tag",
        id="{id}",
    ),
    # https://distribution.github.io/distribution/about/notifications/: it tells of an image's layers, too.
    *_typed(
        "a registry",
        "events.0.action",
        "events.0.target.tag",
        "push",
        tag="events.0.target.tag",
        id="{events.0.id}",
        each="events",
    ),
    *_typed("a registry", "events.0.action", "events.0.target.repository", "", each="events"),
    # https://jfrog.com/help/r/jfrog-platform-administration-documentation/event-types
    *_typed("JFrog", "event_type", "domain=artifact & data.repo_key", "deployed|deleted|moved|copied"),
    *_typed("JFrog", "event_type", "domain=docker & data.repo_key", "pushed|promoted", tag="data.tag"),
    *_typed("JFrog", "event_type", f"{_JFROG} & jpd_origin,data.build_name,data.release_bundle_name", ""),
    # https://help.sonatype.com/en/working-with-webhooks.html
    *_typed("Nexus", "http.headers.x-nexus-webhook-id", "", "rm:repository:*"),
    # https://github.com/npm/registry/blob/main/docs/hooks/hooks-payload.md
    *_typed(
        "npm",
        "event",
        "hookOwner.username",
        "package:change|package:publish|package:unpublish|package:deprecated|package:undeprecated|package:dist-tag*",
    ),
)

# --- Clouds ----------------------------------------------------------------------------------------
# https://learn.microsoft.com/en-us/azure/event-grid/system-topics
# https://docs.cloud.google.com/eventarc/docs/event-types
_WRITTEN: Final = (
    "Microsoft.Storage.BlobCreated|Microsoft.Storage.BlobDeleted|Microsoft.Storage.BlobRenamed"
    "|Microsoft.Storage.DirectoryRenamed|Microsoft.Storage.DirectoryDeleted"
    "|Microsoft.ContainerRegistry.ImagePushed|Microsoft.ContainerRegistry.ChartPushed|harbor.artifact.pushed"
    "|google.cloud.storage.object.v1.finalized|google.cloud.storage.object.v1.deleted"
    "|google.cloud.storage.object.v1.archived|dev.cdevents.change.merged.*|dev.cdevents.artifact.published.*"
)
_OTHERS: Final = (
    "Microsoft.*|google.cloud.storage.*|google.cloud.cloudbuild.*|dev.tekton.*|dev.cdevents.*"
    "|harbor.artifact.*|harbor.quota.*|harbor.replication.*|harbor.scan.*|harbor.tag_retention.*"
)
#: The sender of those. One that is Holdoff's own form of a trigger, too, is that (``rules``).
CLOUD_EVENTS: Final = "CloudEvents"
_GCS: Final = "message.attributes"
_OVERWRITTEN: Final = f"{_GCS}.overwrittenByGeneration"
_GCS_WRITTEN: Final = "OBJECT_FINALIZE|OBJECT_DELETE|OBJECT_ARCHIVE"
#: By whom and by what it is known that a sender wants to see something again before it sends events; where that is, and
#: its name then. https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-event-grid-events-schema
#: https://docs.slack.dev/reference/events/url_verification
HANDSHAKES: Final = (
    ("Event Grid", "0.eventType=*.SubscriptionValidationEvent", "0.data.validationCode", "validationResponse"),
    ("Slack", "type=url_verification", "challenge", "challenge"),
)


def _written(sender: str, path: str, known_by: str, **more: str) -> Iterator[Kind]:
    """Events of all clouds, and after them those of one's own, which build."""
    yield from _typed(sender, path, known_by, _WRITTEN, _OTHERS, **more)
    yield from _typed(sender, path, known_by, "*", "", id=more["id"])


def _cloud_events(at: str, data: str) -> Iterator[Kind]:
    known_by, tag = f"{at}specversion & {at}source & {at}id", f"{data}resources.0.tag,{data}target.tag"
    return _written(CLOUD_EVENTS, f"{at}type", known_by, tag=tag, id=f"{{{at}source}}#{{{at}id}}")


_CLOUDS: Final = (
    # https://developers.google.com/workspace/drive/api/guides/push#sync-message
    trial("Google", "http.headers.x-goog-resource-state=sync"),
    *(control(by, "a handshake", f"a handshake of {by}", f"{when} & {at}") for by, when, at, _ in HANDSHAKES),
    *_written("Event Grid", "0.eventType", "0.metadataVersion", id="{0.id}", tag="0.data.target.tag"),
    # In headers, as JSON, or in a batch:
    # https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md
    *_cloud_events("http.headers.ce-", ""),
    *_cloud_events("", "data."),
    *_cloud_events("0.", "0.data."),
    # https://docs.cloud.google.com/storage/docs/pubsub-notifications: of an overwritten object two events tell.
    _ignored("Cloud Storage", "an old version", "overwritten object", _OVERWRITTEN, _OVERWRITTEN),
    *_typed("Cloud Storage", f"{_GCS}.eventType", f"{_GCS}.bucketId", _GCS_WRITTEN, id="{message.messageId}"),
    # https://docs.cloud.google.com/build/docs/subscribe-build-notifications
    *_typed("Cloud Build", "message.attributes.status", "message.attributes.buildId & subscription", ""),
    *_typed("Pub/Sub", "subscription", "message.messageId", "projects/*", "", id="{message.messageId}"),
)

# --- Hosts of sites, and services that build -------------------------------------------------------
# https://docs.netlify.com/deploy/deploy-notifications/   https://vercel.com/docs/webhooks/webhooks-api
_NETLIFY: Final = "http.headers.x-netlify-event"
_VERCEL: Final = (
    "type=deployment*|project.*|domain.*|integration-*|edge-config*|firewall.*|alerts.*"
    "|budget.*|flag*|marketplace.*|observability.*"
)
_HOSTS: Final = (
    _ignored("Netlify", "a deploy", f"{{{_NETLIFY}}}", _NETLIFY, _NETLIFY),
    _ignored("Vercel", "a deploy", "{type}", "type", f"{_VERCEL} & id & createdAt & region", id="{id}"),
    _ignored("Netlify", "a deploy", "deploy in the state {state}", "state", "site_id & deploy_ssl_url & state"),
    *(
        kind
        for sender, path, known_by in (
            ("AppVeyor", "eventName", "eventData.buildUrl"),
            ("Bamboo", "build.status", "build.buildResultKey"),
            ("Bitrise", "http.headers.bitrise-event-type", ""),
            ("Buildkite", "http.headers.x-buildkite-event", ""),
            ("CircleCI", "http.headers.circleci-event-type", ""),
            ("Cloudflare", "alert_type", "policy_id & account_id"),
            ("Codeship", "build.status", "build.build_url & build.commit_url"),
            ("Drone", "http.headers.x-drone-event", ""),
            ("Flux", "reason", "reportingController & involvedObject.kind"),
            ("Heroku", "resource", "webhook_metadata.event.include"),
            ("Jenkins", "build.phase", "build.full_url"),
            ("Octopus Deploy", "Payload.Event.Category", "EventType=SubscriptionPayload"),
            ("Render", "type", "data.id,data.serviceId=ev?-*|srv-*|crn-*|dpg-*|red-* & timestamp"),
            ("Semaphore", "pipeline.state", "workflow.id & revision.commit_sha"),
            ("Semaphore", "event", "project_hash_id"),
            ("SonarQube", "qualityGate.status", "serverUrl & analysedAt"),
            ("Spinnaker", "details.type", "details.type=orca:*"),
            ("TeamCity", "eventType", "payload.buildTypeId"),
            ("TeamCity", "build.notifyType", "build.buildTypeId"),
            ("Terraform", "notifications.0.trigger", "notification_configuration_id"),
            ("Travis CI", "state", "build_url=*travis*"),
        )
        for kind in _typed(sender, path, known_by, "")
    ),
    *_typed("Webflow", "triggerType", "", "", "form_submission|ecomm_*order*|user_account_*|comment_created"),
    # Known by their secret alone, whatever it is that they send.
    *(
        _ignored(sender, "another event", "event of a kind that is not known", "change.type", f"http.webhook={scheme}")
        for scheme, sender in (("azure", "Azure DevOps"), ("storyblok", "Storyblok"), ("vercel", "Vercel"))
    ),
)

TABLES: Final = (
    *(_CONTENTFUL, _SANITY, _STRAPI, _DATOCMS, _PRISMIC, _STORYBLOK, _DRAFTS),
    *(_REGISTRIES, _CLOUDS, _HOSTS),
)
