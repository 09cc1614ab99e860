"""What the webhooks of content systems, registries, stores, clouds and hosts of sites ask for by themselves. Pure.

An event is a change if visitors can see its effect: content was published, unpublished, or deleted while it was public;
an asset, an object or an image was written. Drafts, autosaves, reviews and models are no changes. The events of hosts
of sites and of services that build are no changes: builds would trigger builds.

No kind here has a version: a sender's versions are not versions of the project's source. Without a version the newest
is built, and it contains all that was published before. So these kinds need no line and no order. A gate remembers few
lines, and keeps them for git repositories. A kind has an id only if the sender repeats the id when it delivers again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from holdoff.ingress.events.http import IN_QUERY
from holdoff.ingress.events.kinds import ABOUT_AN_IMAGE, Kind, change, control, ignored, other, paths_of, refused, trial


def _typed(
    sender: str, path: str, known_by: str, changes: str, others: str = "*", *, tag: str = "", **more: str
) -> Iterator[Kind]:
    """A sender's events, by their types.

    Args:
        path: where the type is. known_by: more conditions by which the sender is known.
        changes: the types that are changes; ``*``: all but ``others``, as plug-ins may have types of their own.
        others: the types that are not; empty: there are none.
        tag: where an image's tag is. Signatures and the like, which are pushed beside an image, are no changes. Nor are
            pushes by digest alone, such as each part of an image for several platforms.
    """
    known = f"{known_by} & " if known_by else ""
    if tag:
        what = f"{{{path}}} of {{{tag}}}"
        yield ignored(sender, "a signature", what, tag, f"{known}{path} & {tag}={ABOUT_AN_IMAGE}", **more)
        what, when = f"{{{path}}} of an image to which no tag points", f"{known}{path}={changes} & {tag}=|null|sha256:*"
        yield ignored(sender, "a push by digest", what, tag, when, **more)
    rest = [other(sender, path, known_by, others, **more)] if others else []
    taken = change(sender, "a change", f"{known}{path}={changes}", f"{{{path}}} in {sender}", **more)
    yield from [*rest, taken] if changes == "*" else [taken, *rest]


# --- Contentful: https://www.contentful.com/developers/docs/webhooks/headers/ ----------------------
# An entry is unpublished before it can be archived or deleted. A release or a bulk action sends an event for each
# entry. The key is the same when a webhook fires twice:
# https://www.contentful.com/developers/changelog/idempotency-key-headers-for-webhook-requests/
_TOPIC: Final = "http.headers.x-contentful-topic"
_KEY: Final = "{http.headers.x-contentful-idempotency-key}"
_CONTENTFUL: Final = (
    *(
        change(
            *("Contentful", f"{done} content", f"{_TOPIC}=*.{kind}.{action}"),
            f"{kind.lower()} {{sys.id}} {done} in Contentful",
            id=_KEY,
        )
        for kind in ("Entry", "Asset")
        for action, done in (("publish", "published"), ("unpublish", "unpublished"))
    ),
    change("Contentful", "an alias", f"{_TOPIC}=*.EnvironmentAlias.change_target", "alias {sys.id} moved", id=_KEY),
    other("Contentful", _TOPIC, id=_KEY),
    # Without its topic: published content has a revision, and content that was unpublished says when.
    change(
        *("Contentful", "published content", "sys.space.sys.id & sys.revision,sys.deletedAt & sys.type=*Entry|*Asset"),
        "{sys.type} {sys.id} in Contentful",
    ),
    other("Contentful", "sys.type", "sys.space.sys.id"),
    # What its template for a queue sends: a topic, an id and a user, with commas between
    # (https://www.contentful.com/marketplace/webhook/aws-sqs/).
    *(
        change("Contentful", "published content", f"sqs.body=ContentManagement.{topic},*", "content in Contentful")
        for topic in ("Entry.*publish", "Asset.*publish", "EnvironmentAlias.change_target")
    ),
    ignored("Contentful", "another event", "other events", "sqs.body", "sqs.body=ContentManagement.*,*,*"),
)

# --- Sanity: https://www.sanity.io/docs/content-lake/webhooks --------------------------------------
# A projection may make any body of a document, so the headers say what the event is. The ids of Sanity's own documents,
# such as releases, schemas and groups, begin with "_.".
_OPERATION: Final = "http.headers.sanity-operation"
_DOCUMENT: Final = "http.headers.sanity-document-id"
_DONE_TO: Final = f"{{{_OPERATION}}} of {{{_DOCUMENT}|a document}}"
_SANITY: Final = (
    ignored("Sanity", "a draft", _DONE_TO, _DOCUMENT, f"{_OPERATION} & {_DOCUMENT}=drafts.*|versions.*|_.*"),
    change("Sanity", "a document", f"{_OPERATION}=create|update|delete", f"{_DONE_TO} in Sanity"),
    other("Sanity", _OPERATION),
    ignored("Sanity", "a draft", "{_id}", "_id", "_id=drafts.*|versions.*|_.* & _type"),
)

# --- Strapi: https://docs.strapi.io/cms/backend-customization/webhooks -----------------------------
# A type without drafts is public at once. If an entry is not public, its ``publishedAt`` is null; if a release failed,
# its ``isPublished`` is false. By the header ``X-Strapi-Event`` Holdoff knows Strapi's events of unknown types.
_HEADER: Final = "http.headers.x-strapi-event"
_EDITS: Final = "event=entry.create|entry.update|entry.delete|releases.publish"
_PUBLISHED: Final = "entry.publishedAt,entry.published_at,isPublished"
_NO_CHANGES: Final = "event=entry.draft-discard|entry.discard-draft|review-workflows.updateEntryStage"
_STRAPI: Final = (
    trial("Strapi", "event=trigger-test"),
    ignored("Strapi", "a draft", "{event} of a draft", _PUBLISHED, f"{_EDITS} & {_PUBLISHED}=null|false"),
    change(
        *("Strapi", "a change", f"{_EDITS}|entry.publish|entry.unpublish|media.create|media.update|media.delete"),
        "{event}{model^ }{entry.id,media.id^ } in Strapi",
    ),
    ignored("Strapi", "another event", f"{{{_HEADER}}}", f"event,{_HEADER}", _HEADER),
    ignored("Strapi", "another event", "{event}", f"event,{_HEADER}", _NO_CHANGES),
)

# --- DatoCMS: https://www.datocms.com/docs/general-concepts/webhooks -------------------------------
# In a model without drafts the status is "published" at once. A call that is tried again has the same id:
# https://www.datocms.com/docs/content-management-api/resources/webhook-call
_STATUS: Final = "entity.meta.status"


def _not_at_dato(name: str, what: str, of: str, named_by: str, when: str) -> Kind:
    when = f"entity_type={of} & {when}"
    return ignored("DatoCMS", name, f"{{event_type}} of {what}", named_by, when, id="{webhook_call_id}")


_DATOCMS: Final = (
    _not_at_dato(
        *("a sandbox", "{entity_type} in the sandbox {environment}", "item|upload|cda_cache_tags"),
        "is_environment_primary",
        "event_type & is_environment_primary=false",
    ),
    _not_at_dato("a draft", "a draft", "item", _STATUS, f"event_type=create|update & {_STATUS}=draft|updated"),
    _not_at_dato("a draft", "a draft", "item", _STATUS, f"event_type=delete & {_STATUS}=draft"),
    *(
        change("DatoCMS", name, when, "{event_type} of {entity_type}{entity.id^ } in DatoCMS", id="{webhook_call_id}")
        for name, when in (
            ("a record", "entity_type=item & event_type=publish|unpublish|create|update|delete"),
            ("an upload", "entity_type=upload & event_type=create|update|delete"),
            ("what is delivered", "entity_type=cda_cache_tags & event_type=invalidate"),
            ("a promoted environment", "entity_type=environment & event_type=promote"),
        )
    ),
    _not_at_dato("another event", "{entity_type}", "*", "entity_type,event_type", "event_type & webhook_call_id"),
    _not_at_dato(
        *("another event", "{entity_type}", "build_trigger|environment|item_type|maintenance_mode|sso_user"),
        *("entity_type,event_type", "event_type & environment"),
    ),
)

# --- Prismic: https://prismic.io/docs/webhooks -----------------------------------------------------
# Each publication has a new master ref. All events of one publication have the same ref. Prismic sends each event again
# every ten minutes until the answer is 200.
_BODY: Final = "domain & apiUrl=*.prismic.io/*|*.wroom.*"
_PRISMIC: Final = (
    trial("Prismic", f"{_BODY} & type=test-trigger"),
    change(
        *("Prismic", "published content", f"{_BODY} & type=api-update & masterRef=?????*"),
        "published in Prismic's {domain}",
        id="prismic:{domain}:{masterRef}",
    ),
    ignored("Prismic", "another event", "{type} without a new master ref", "type", f"{_BODY} & type"),
)

# --- Storyblok: https://www.storyblok.com/docs/concepts/webhooks -----------------------------------
# It sends no id: the same text comes for each publication of a story.
_SPACE: Final = "space_id & text"
_STORYBLOK: Final = (
    *(
        change("Storyblok", name, f"{_SPACE} & {when}", f"{reason} in Storyblok")
        for name, when, reason in (
            ("a story", "story_id & action=published|unpublished|deleted|moved", "story {full_slug,story_id} {action}"),
            ("an asset", "asset_id & action=created|replaced|deleted|restored", "asset {asset_id} {action}"),
            ("a data source", "datasource_slug & action=*entr*", "data source {datasource_slug} {action}"),
            # The first form had a text, and no action.
            ("a release", "release_id & action,text=merged|*has been merged*", "release {release_id} merged"),
            # The content of one stage of a pipeline is copied to the next stage, which may have a site.
            ("a stage", "branch_id & action=deployed|branch_deployed", "stage {branch_id} deployed"),
            # https://www.storyblok.com/docs/api/management/tasks: a person asks for a build
            ("a task", "task.id", "task {task.name,task.id} run"),
        )
    ),
    other("Storyblok", "action", f"{_SPACE} & asset_id,discussion_id,release_id,story_id,workflow_name"),
    other("Storyblok", "action", f"{_SPACE} & user_id", "added|removed|*role*"),
)

# --- Drafts of content systems whose other events build; at Contentstack all but publications -------
# https://docs.ghost.org/webhooks: the event of a deleted post has all its fields. Other events have the post as it is
# now, and the fields that were different before.
_GHOST_BEFORE, _MEMBER = "post.previous.status,page.previous.status", "member.current.uuid,member.previous.uuid"
_STACK: Final = "module=entry|asset|content_type|global_field|release|taxonomy|term|workflow|branch|bulk_job & api_key"
_SLOT: Final = "notifications.0.message.delivery_slot"
_IS_DRAFT: Final = "payload.isDraft,payload.draft,payload._draft=true"
_NEVER_PUBLIC: Final = (
    "contents.old,contents.old.publishValue=null & contents.new,contents.new.publishValue=null"
    " & contents.old.publishValue,contents.new.publishValue=null"
)
_CHANGED_ITEM: Final = "triggerType=collection_item_changed & payload.lastPublished,payload.published-on=null"
_DRAFTS: Final = (
    change(
        *("Ghost", "a change", f"post.current.status,page.current.status,{_GHOST_BEFORE}=published|sent"),
        "a post or page in Ghost",
    ),
    *(
        # The last condition says what makes it a draft.
        ignored(sender, "a draft", "draft", ",".join(paths_of(when.rpartition(" & ")[2])), when)
        for sender, when in (
            ("Ghost", "post.current.status,page.current.status=draft|scheduled"),
            ("Ghost", f"post.previous.uuid,page.previous.uuid & {_GHOST_BEFORE}=draft|scheduled"),
            # https://agilitycms.com/docs/apis/webhooks
            ("Agility", "instanceGUID & state=Saved|Approved|Declined|AwaitingApproval"),
            # https://buttercms.com/docs/build-your-app/webhooks-events/webhook-event-types: a page that is saved as a
            # draft stays public, a post does not.
            ("ButterCMS", "webhook.event=page.draft"),
            # https://github.com/craftcms/webhooks: a draft is saved while its author writes, a revision too
            ("Craft", "senderClass & eventClass & sender.isDraft,sender.isProvisionalDraft,sender.isRevision=true"),
            # https://directus.io/docs/guides/automate/flows: of a type that has a status
            ("Directus", "event=*items.create & collection & payload.status=draft"),
            # https://hygraph.com/docs/api-reference/basics/webhooks
            ("Hygraph", "operation=create|update & data.stage=DRAFT"),
            # https://developers.intercom.com/docs/references/webhooks/webhook-models: created, updated or deleted
            ("Intercom", "type=notification_event & app_id & topic=article.*ted & data.item.state=draft"),
            ("Kontent.ai", "message.api_name,message.delivery_slot=*preview|content_management"),  # its first forms
            # https://document.microcms.io/manual/webhook-setting: of what is not public, and was not
            ("microCMS", f"service & {_NEVER_PUBLIC}"),
            # https://www.cosmicjs.com/docs/api/webhooks: a draft of a public object stays beside it. And its first form
            ("Cosmic", "resource=objects & event=created|edited & data.object.status=draft"),
            ("Cosmic", "type=object.created.draft|object.edited.draft"),
            # https://docs.developers.optimizely.com/platform-optimizely/docs/webhooks: the status ends a document's id.
            ("Optimizely", "tenantId & data.docId=*_Draft|*_Checked*|*_Rejected|*_AwaitingApproval|*_DelayedPublish"),
            ("Shopify", "http.headers.x-shopify-topic,http.headers.shopify-topic=products/create & status=draft"),
            # https://docs.squidex.io/02-documentation/developer-guides/automation-using-rules
            ("Squidex", "payload.$type=EnrichedContentEvent & payload.type=Created|Updated & payload.status=Draft"),
            ("TYPO3", "site & url & record.pid & action=new|modified & record.hidden,workspace=1|2|3|4|5|6|7|8|9|??*"),
            # https://developer.wordpress.org/reference/classes/wp_post/: plug-ins post it on each save
            ("WordPress", "post.post_status,post.post_type,post_status,post_type=auto-draft|revision"),
            ("WordPress", "post_before.post_status=*draft|future|pending & post.post_status=*draft|future|pending"),
            # https://developers.webflow.com/data/reference/webhooks/events/collection-item-created
            ("Webflow", f"triggerType=collection_item_created & {_IS_DRAFT}"),
            ("Webflow", f"{_CHANGED_ITEM} & {_IS_DRAFT}"),
        )
    ),
    # https://kontent.ai/learn/docs/webhooks
    ignored(*("Kontent.ai", "a draft", "draft", _SLOT, f"{_SLOT}=preview"), each="notifications"),
    ignored("Ghost", "a member", "member", _MEMBER, f"{_MEMBER} & member.current.email,member.previous.email"),
    # https://www.contentstack.com/docs/developers/set-up-webhooks/webhook-events
    other("Contentstack", "event", "module=release|workflow|branch & api_key", "delete*"),
    *_typed("Contentstack", "event", _STACK, "publish|unpublish|*publish.success|delete*|deploy*"),
    # https://amplience.com/developers/docs/integrations/webhooks/payloads
    *_typed("Amplience", "name", "name=dynamic-content.*", "*published"),
    # https://docs.uniform.app/docs/integrations/webhooks, and its package @uniformdev/webhooks
    *_typed(
        *("Uniform", "eventType", "initiator.is_api_key & project.url"),
        "asset.*|composition.published|composition.deleted|entry.published|entry.deleted|manifest.published"
        "|projectmap.*|redirect.*|release.launched",
    ),
    # https://developers.notion.com/reference/webhooks-events-delivery
    *_typed(
        *("Notion", "type", "subscription_id & integration_id & workspace_id & entity.id"),
        "page.content_updated|page.created|page.deleted|page.moved|page.properties_updated|page.undeleted"
        "|database.*|data_source.*",
        id="{id}",
    ),
    *_typed("Zendesk", "type", "type=zen:event-type:*", "*:article.author*|*:article.*published|*:community*"),
    *_typed("Intercom", "topic", "type=notification_event & app_id & data.item.type", "article.*", id="{id}"),
    # https://doc.sitecore.com/sai/en/developers/sitecoreai/webhook-event-handler-http-request.html: edits are drafts.
    *_typed("Sitecore", "EventName,WorkflowName", "WebhookItemId & WebhookItemName", "publish:end*"),
)

# --- Image registries: a repository's tag points at another image ----------------------------------
# https://docs.docker.com/docker-hub/repos/manage/webhooks/   https://docs.quay.io/guides/notifications.html
_QUAY: Final = "docker_url=?* & repository=?*"
_IN_GOOGLE: Final = "action=INSERT|DELETE & digest,tag=*gcr.io/*|*-docker.pkg.dev/*"
_JFROG: Final = "domain=artifact_*|build|release_bundle*|distribution|destination"


def _images(sender: str, known_by: str, repository: str, tag: str, **more: str) -> Iterator[Kind]:
    """Pushes of an image, by the paths of its repository and its tag."""
    yield ignored(sender, "a signature", f"push of {{{tag}}}", tag, f"{known_by} & {tag}={ABOUT_AN_IMAGE}")
    yield change(sender, "a pushed image", known_by, f"image {{{repository}}}{{{tag}^:}} pushed", **more)


_REGISTRIES: Final = (
    *_images(
        *("Docker Hub", "push_data.pushed_at & repository.repo_name=?*", "repository.repo_name", "push_data.tag"),
        id="docker:{repository.repo_name}{push_data.tag^:}@{push_data.pushed_at}",
        by="{push_data.pusher}",
    ),
    # https://www.alibabacloud.com/help/en/acr/user-guide/manage-webhooks
    *_images(
        "Alibaba Cloud", "push_data.digest & repository.repo_full_name", "repository.repo_full_name", "push_data.tag"
    ),
    # https://github.com/quay/quay/blob/master/notifications/notificationevent.py: what its button for a test sends.
    trial("Quay", f"{_QUAY} & updated_tags.0=latest & updated_tags.1=foo & pruned_image_count=3"),
    # A signature is pushed alone. In the first form tags were an object, with counts beside it.
    change("Quay", "a pushed image", f"{_QUAY} & updated_tags.1", "image {repository}:{updated_tags.0} pushed"),
    *_images("Quay", f"{_QUAY} & updated_tags,pushed_image_count,pruned_image_count", "repository", "updated_tags.0"),
    # Quay's own builds, scans and mirrors. If they push an image, Quay sends a push as well.
    ignored(
        *("Quay", "another event", "event of {repository,namespace}"),
        "build_id,trigger_kind,vulnerability.id,message,expiring_in,threshold_percent",
        "namespace=?* & homepage & docker_url,threshold_percent & repository,usage_bytes",
    ),
    # https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/
    *_typed(
        *("Harbor", "type", "event_data.repository.repo_full_name", "PUSH_ARTIFACT|UPLOAD_CHART|pushImage|uploadChart"),
        tag="event_data.resources.0.tag",
    ),
    other("Harbor", "type", "occur_at & operator", "REPLICATION|TAG_RETENTION"),
    # https://learn.microsoft.com/en-us/azure/container-registry/container-registry-webhook-reference
    *_typed(
        # Events of charts have no request.
        *("Azure Container Registry", "action", "target.repository & request.host,target.mediaType", "push|chart_push"),
        tag="target.tag",
        id="{id}",
    ),
    # https://docs.cloud.google.com/artifact-registry/docs/configure-notifications
    ignored("Artifact Registry", "a signature", "{action} of {tag}", "tag", f"{_IN_GOOGLE} & tag=*:sha256-*"),
    *_typed("Artifact Registry", "action", f"{_IN_GOOGLE} & tag", "INSERT", ""),
    other("Artifact Registry", "action", _IN_GOOGLE),
    # https://distribution.github.io/distribution/about/notifications/: it sends events of an image's layers, too.
    *_typed(
        *("a registry", "events.0.action", "events.0.target.tag", "push", "delete|mount|pull"),
        tag="events.0.target.tag",
        id="{events.0.id}",
        each="events",
    ),
    other("a registry", "events.0.action", "events.0.target.repository", "delete|mount|pull|push", each="events"),
    # https://jfrog.com/help/r/jfrog-platform-administration-documentation/event-types
    trial("JFrog", "domain & jpd_origin & data.sha256=sample_checksum"),
    trial("JFrog", "artifactory.webhook.event=execute.*", "a ping"),
    other("JFrog", "artifactory.webhook.event", "", "build.*|storage.afterProperty*"),
    *_typed("JFrog", "event_type", "domain=artifact & data.repo_key", "deployed|deleted|moved|copied"),
    # A pull from a repository elsewhere is called a push into its cache: a build would trigger itself.
    other("JFrog", "event_type", "domain=docker & data.repo_key=*-cache"),
    *_typed("JFrog", "event_type", "domain=docker & data.repo_key", "pushed|promoted", tag="data.tag"),
    other("JFrog", "event_type", f"{_JFROG} & jpd_origin,data.repo_key,data.build_name,data.release_bundle_name"),
    # https://docs.mirantis.com/msr/2.9/ops/manage-webhooks/webhook-types.html: at first Docker Trusted Registry
    *_typed(
        *("Mirantis Secure Registry", "type", "contents.namespace & contents.repository & location"),
        "TAG_PUSH|CHART_PUSH|PROMOTION|POLL_MIRRORING",  # of a manifest no tag is told
        tag="contents.tag",
    ),
    # https://docs.lakefs.io/howto/hooks/webhooks.html: before a change it asks whether it may make it
    *_typed("lakeFS", "event_type", "hook_id & repository_id", "post-*", "pre-*|prepare-*"),
    # https://docs.cloudsmith.com/developer-tools/webhooks
    *_typed(
        *("Cloudsmith", "meta.event_id", "meta.event_id=package.* & meta.trigger_id & meta.webhook_id"),
        "package.deleted|package.released|package.restored|package.synced|package.tags_updated",
        id="{meta.trigger_id}",
    ),
    # https://buildkite.com/docs/apis/webhooks/package-registries
    *_typed("Buildkite", "event", "package.registry.slug & package.organization.slug", "package.created", ""),
    # https://help.sonatype.com/en/working-with-webhooks.html: it reports each part of an image that is pushed
    ignored(
        *("Nexus", "a push by digest", "{action} of {asset.name}", "asset.name"),
        "nodeId & asset.format=docker & asset.name=*/sha256:*|*/sha256-*",
    ),
    *_typed("Nexus", "http.headers.x-nexus-webhook-id", "", "rm:repository:*"),
    # https://github.com/npm/registry/blob/main/docs/hooks/hooks-payload.md
    *_typed("npm", "event", "hookOwner.username", "*", "package:star|package:unstar|package:owner*"),
)

# --- Stores, and a content system that is known by its header as they are -------------------------
_SHOPS: Final = (
    trial("Shopify", "http.headers.x-shopify-test,metadata.X-Shopify-Test,message.attributes.X-Shopify-Test=true"),
    # https://shopify.dev/docs/api/webhooks: the headers stand in ``metadata`` on EventBridge, in Pub/Sub in attributes.
    # Newer headers have no ``X-``: https://shopify.dev/docs/apps/build/events/delivery-structure
    *_typed(
        "Shopify",
        "http.headers.x-shopify-topic,http.headers.shopify-topic,metadata.X-Shopify-Topic,metadata.shopify-topic"
        ",message.attributes.X-Shopify-Topic,message.attributes.shopify-topic",
        "",
        "*",
        "app/*|app_*|attributed_sessions/*|audit_events/*|cart*|checkout*|companies/*|company_*|customer*|disputes/*"
        "|draft_orders/*|finance_*|fulfillment*|inventory_shipments/*|inventory_transfers/*|order*|payment_*|refunds/*"
        "|returns/*|reverse_*|segments/*|shipping_addresses/*|shop/redact|subscription_*|tax_*|tender_transactions/*"
        "|Cart*|Checkout*|Company*|Customer*|Dispute*|DraftOrder*|Fulfillment*|Order*|Refund*|Return*|Subscription*",
        id="{metadata.X-Shopify-Webhook-Id,metadata.shopify-webhook-id,message.attributes.X-Shopify-Webhook-Id"
        ",message.attributes.shopify-webhook-id,message.messageId}",
    ),
    # https://developer.bigcommerce.com/docs/integrations/webhooks
    *_typed(
        *("BigCommerce", "scope", "producer=stores/* & hash", "*"),
        "store/order/*|store/cart/*|store/customer/*|store/subscriber/*|store/shipment/*|store/app/*|store/hook/*"
        "|store/channel/*/order/*|store/channel/*/cart/*|store/channel/*/notifications/*|*/emailStatus/updated",
    ),
    # https://woocommerce.com/document/webhooks/: the ping has no topic, and no signature
    *_typed("WooCommerce", "http.headers.x-wc-webhook-topic", "", "*", "order*|customer*|subscription*|*order_status*"),
    trial("WooCommerce", "http.headers.user-agent=WooCommerce/* & webhook_id only webhook_id", "a ping"),
    *_typed(
        # https://docs.stripe.com/event-destinations: thin events name their object only
        *("Stripe", "type", "object=event|v2.core.event & pending_webhooks,livemode"),
        "*product.*|*price.*|*plan.*|*coupon.*|*promotion_code.*|sku.*",
        id="{id}",
    ),
    *_typed("Paddle", "event_type", "notification_id=ntf_* & event_id=evt_*", "discount*|price.*|product.*"),
    *_typed("PayPal", "event_type", "id=WH-* & resource_type & event_version", "CATALOG.*", id="{id}"),
    # https://docs.umbraco.com/umbraco-cms/reference/webhooks, and all types in its Constants-WebhookEvents.cs
    *_typed(
        *("Umbraco", "http.headers.umb-webhook-event", "", "*"),
        "Umbraco.ContentSaved*|Umbraco.ContentDeletedBlueprint|Umbraco.ContentDeletedVersions|Umbraco.ContentCopied"
        "|Umbraco.ContentRolledBack|Umbraco.ContentEmptiedRecycleBin|mediaEmptiedRecycleBin|documentType*|mediaType*"
        "|dataType*|memberDeleted|memberGroup*|memberSaved|memberType*|userDeleted|userForgotPasswordRequested"
        "|userGroup*|UserGroup*|userLocked|userLogin*|userLogout*|userPassword*|userSaved|userTwoFactorRequested|userUnlocked"
        "|assignedMemberRoles|assignedUserGroupPermissions|removedMemberRoles|exportedMember|relationDeleted"
        "|relationSaved|relationType*|healthCheckCompleted|Umbraco.ElementSaved|Umbraco.ElementCopied"
        "|Umbraco.ElementDeletedVersions|Umbraco.ElementRolledBack|Umbraco.ElementEmptiedRecycleBin",
    ),
)

# --- Clouds ----------------------------------------------------------------------------------------
# https://learn.microsoft.com/en-us/azure/event-grid/system-topics
# https://docs.cloud.google.com/eventarc/docs/event-types
_WRITTEN: Final = (
    "Microsoft.Storage.BlobCreated|Microsoft.Storage.*Deleted|Microsoft.Storage.*Renamed|harbor.artifact.pushed"
    "|Microsoft.ContainerRegistry.*Pushed|Microsoft.MachineLearningServices.ModelRegistered|zotregistry.image.updated"
    "|google.cloud.storage.object.v1.finalized|google.cloud.storage.object.v1.deleted|cd.artifact.published.v1"
    "|google.cloud.storage.object.v1.archived|dev.cdevents.change.merged.*|dev.cdevents.artifact.published.*"
    "|cd.change.merged.v1|io.artifacthub.package.new-release|aem.*published"
)
_OTHERS: Final = (
    "Microsoft.*|google.cloud.storage.*|google.cloud.cloudbuild.*|google.cloud.deploy.*|google.firebase.auth.*"
    "|google.cloud.functions.*|google.cloud.run.*|google.firebase.testlab.*|google.firebase.firebasealerts.*|com.github.pull*"
    "|dev.tekton.*|dev.knative.apiserver.*|dev.cdevents.*|cd.*.*.v1|harbor.artifact.*|harbor.quota.*|harbor.replication.*|harbor.scan.*"
    "|harbor.tag_retention.*|zotregistry.*|io.artifacthub.*|sh.keptn.*|io.testkube.*|org.jenkinsci.*|aem.*|com.twilio.*"
    "|com.adobe.commerce.*.sales_*|com.adobe.commerce.*.customer_*|com.adobe.commerce.*.checkout_*"
)
_IN_CD: Final = "context.type=dev.cdevents* & context.id & context.source & subject.id"  # and one's own: dev.cdeventsx
_TO_CONFIRM: Final = "asks to confirm a subscription: open the X-OCI-NS-ConfirmationURL among its headers"
_IN_ORACLE: Final = "*.objectstorage.*object|*.objectstorage.object.*|*.upload*image|*.putgeneric*|*.devopscoderepo.*"
_DEPLOYING: Final = "appengine.g*|cloudbuild.g*|clouddeploy.g*|cloudfunctions.g*|firebasehosting.g*|run.g*"
_GCS: Final = "message.attributes"
_GCS_WRITTEN: Final = "OBJECT_FINALIZE|OBJECT_DELETE|OBJECT_ARCHIVE"
#: Before it sends events, a sender may want to see a text again: the sender, the conditions by which its request is
#: known, where the text is, and the text's name in the answer; no name: the text alone is the answer.
HANDSHAKES: Final = (
    # https://learn.microsoft.com/en-us/azure/event-grid/end-point-validation-event-grid-events-schema
    ("Event Grid", "eventType=*.SubscriptionValidationEvent", "data.validationCode", "validationResponse"),
    # https://docs.slack.dev/reference/events/url_verification
    ("Slack", "type=url_verification", "challenge", "challenge"),
    # https://developers.smartsheet.com/api/smartsheet/guides/webhooks   https://developer.monday.com/apps/docs/webhooks
    ("Smartsheet", "http.method=POST & webhookId only challenge,webhookId", "challenge", "smartsheetHookResponse"),
    ("monday.com", "http.method=POST only challenge", "challenge", "challenge"),
    *(
        (by, f"http.method={method}", f"?{name}", "")
        for method, known in IN_QUERY.items()
        for name, by in known.items()
    ),
)
SHAKEN: Final = tuple(
    control(by, "a handshake", f"a handshake of {by}", f"{at} & {when}") for by, when, at, _ in HANDSHAKES
)


def _written(sender: str, path: str, known_by: str, carries: str = "data", **more: str) -> Iterator[Kind]:
    """Events of all clouds, and after them your own events, which build."""
    yield from _typed(sender, path, known_by, _WRITTEN, _OTHERS, **more)
    own: dict[str, Any] = {"id": more["id"], "carries": carries, "named_by": (path,)}
    yield change(sender, "a change", f"{path} & {known_by}", f"{{{path}}} in {sender}", **own)


def _cloud_events(at: str, data: str) -> Iterator[Kind]:
    paths = ("resources.0.tag", "customData.resources.0.tag", "target.tag", "reference")
    known_by, tag = f"{at}specversion & {at}source & {at}id", ",".join(data + path for path in paths)
    return _written("CloudEvents", f"{at}type", known_by, data.strip("."), tag=tag, id=f"{{{at}source}}#{{{at}id}}")


_CLOUDS: Final = (
    # https://developers.google.com/workspace/drive/api/guides/push#sync-message
    trial("Google", "http.headers.x-goog-resource-state=sync"),
    # https://www.backblaze.com/docs/cloud-storage-event-notifications-reference-guide
    trial("Backblaze", "events.0.eventType=b2:TestEvent"),
    control("Asana", "a heartbeat", "a heartbeat of Asana", "events=[] only events"),
    trial("Rollbar", "event_name=test & data.message=*test payload from Rollbar*"),
    trial("Cloudflare", "text=*This is a test message sent from https://cloudflare.com.* only text"),
    trial("Airbyte", "text=*This is a test from Airbyte* only text"),
    trial("Slack", "ssl_check=1 only ssl_check,token", "a check of the certificate"),
    control("Smartsheet", "a status", "the new status of a webhook of Smartsheet", "webhookId & newWebhookStatus"),
    *SHAKEN,
    # https://learn.microsoft.com/en-us/graph/change-notifications-lifecycle-events
    *_typed("Microsoft Graph", "value.0.lifecycleEvent", "value.0.subscriptionId", "missed", each="value"),
    # https://developer.box.com/guides/webhooks/v2
    *_typed(
        *("Box", "trigger", "type=webhook_event & webhook.id", "*"),
        "COMMENT.*|TASK_*|COLLABORATION.*|SHARED_LINK.*|SIGN_REQUEST.*|WEBHOOK.*|*.PREVIEWED|*.DOWNLOADED|*LOCKED",
        id="{id}",
    ),
    # https://developers.notion.com/reference/webhooks: with this token it signs the events that follow.
    refused(
        *("Notion", "a verification"),
        "asks to verify a subscription: give Notion the verification_token in this dead letter, or it sends nothing",
        "verification_token=secret_* only verification_token",
    ),
    # https://docs.cloud.google.com/storage/docs/pubsub-notifications: an overwritten object sends two events.
    ignored("Cloud Storage", "an old version", "overwritten object", *[f"{_GCS}.overwrittenByGeneration"] * 2),
    *_typed("Cloud Storage", f"{_GCS}.eventType", f"{_GCS}.bucketId", _GCS_WRITTEN, id="{message.messageId}"),
    # https://docs.cloud.google.com/build/docs/subscribe-build-notifications
    other("Cloud Build", "message.attributes.status", "message.attributes.buildId & subscription"),
    # https://docs.cloud.google.com/deploy/docs/subscribe-deploy-notifications
    other("Cloud Deploy", f"{_GCS}.ResourceType", f"{_GCS}.DeliveryPipelineId,{_GCS}.TargetId"),
    # https://docs.cloud.google.com/billing/docs/how-to/budgets-programmatic-notifications
    other("Cloud Billing", f"{_GCS}.budgetId", f"{_GCS}.billingAccountId"),
    change(
        *("Pub/Sub", "a change", "subscription=projects/* & message.messageId", "{subscription} in Pub/Sub"),
        id="{message.messageId}",
        carries="message.data",
    ),
    *_written("Event Grid", "eventType", "metadataVersion", id="{id}", tag="data.target.tag"),
    # https://docs.cloud.google.com/eventarc/docs/determining-filters-cal: what a build calls to deploy
    other("Cloud Audit Logs", "protoPayload.methodName", f"protoPayload.serviceName={_DEPLOYING}"),
    # In headers, or as JSON; Eventarc sends messages of Pub/Sub with these headers:
    # https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md
    *_cloud_events("http.headers.ce-", ""),
    *_cloud_events("", "data."),
    # https://github.com/cdevents/spec, without a CloudEvent around it
    *_written("CDEvents", "context.type", _IN_CD, id="{context.source}#{context.id}"),
    refused("Oracle Cloud", "a confirmation", _TO_CONFIRM, "http.headers.x-oci-ns-confirmationurl"),
    other("Oracle Cloud", "eventType", "cloudEventsVersion", "com.oraclecloud.*pullreq*|com.oraclecloud.*.getobject"),
    *_typed("Oracle Cloud", "eventType", "cloudEventsVersion", _IN_ORACLE, "com.oraclecloud.*", id="{eventID}"),
    # https://docs.cloud.google.com/artifact-analysis/docs/pub-sub-notifications
    other("Artifact Analysis", "kind", "notificationTime & name=projects/*/occurrences/*|projects/*/notes/*"),
    # https://docs.cloud.google.com/monitoring/support/notification-options
    other("Cloud Monitoring", "incident.state", "incident.incident_id & incident.policy_name"),
    # Of data and videos, what has arrived: https://www.mux.com/docs/core/listen-for-webhooks
    change("Airbyte", "a load", "data.connection.id & data.jobId & data.success=true", "a load by Airbyte"),
    ignored("Airbyte", "another event", "failure", "data.success", "data.connection.id & data.jobId & data.success"),
    *_typed("Databricks", "event_type", "workspace_id & job.job_id", "jobs.on_success", "jobs.*"),
    *_typed("Fivetran", "data.status,status,event", "connector_id & destination_group_id", "SUCCESSFUL|*_succeeded"),
    *_typed("Mux", "type", "type=video.* & accessor_source", "*.ready|*.updated|*.deleted|*.active|*.idle", id="{id}"),
)

# --- Hosts of sites, and services that build -------------------------------------------------------
# https://docs.netlify.com/deploy/deploy-notifications/   https://vercel.com/docs/webhooks/webhooks-api
_NETLIFY: Final = "http.headers.x-netlify-event"
_CIRCLECI: Final = "http.headers.circleci-event-type"
_BUILDKITE: Final = "http.headers.x-buildkite-event"
_DRONE: Final = "http.headers.x-drone-event"
_PULUMI: Final = "http.headers.pulumi-webhook-kind"
_SENTRY: Final = "http.headers.sentry-hook-resource"
#: Confluence, whose pages may be content, names its events in another field.
_AT_JIRA: Final = "jira?*|attachment_*|board_*|comment_*|filter_*|issue*|option_*|project_*|sprint_*|user_*|worklog_*"
_VERCEL: Final = (
    "id & createdAt & type=deployment*|project.created|project.domain*|project.env*|project.removed|project.renamed"
    "|project.roll*|domain.*|integration-*|edge-config*|firewall.*|alerts.*|attack.*|budget.*|flag.*|flags.*"
    "|marketplace.*|observability.* & region,payload.deployment.id,payload.deploymentId=???1|null|dpl_*"
)
_AT_APPLE: Final = "webhookPing*|buildUpload*|buildBeta*|appStoreVersion*|betaFeedback*|backgroundAssetVersion*"
_AT_NORTHFLANK: Final = "build:*|job-run:*|service:autoscaling:*|service:deployment:*"
_AT_LOKALISE: Final = "created_at_timestamp & created_at & project.id & project.name"
_HOSTS: Final = (
    ignored("Netlify", "a deploy", f"{{{_NETLIFY}}}", _NETLIFY, _NETLIFY),
    ignored("Vercel", "a deploy", "{type}", "type", _VERCEL, id="{id}"),
    ignored("Netlify", "a deploy", "deploy in the state {state}", "state", "site_id & deploy_ssl_url & state"),
    *(
        other(sender, path, known_by)
        for sender, path, known_by in (
            # Alarms
            ("Airbrake", "error.error_class", "airbrake_error_url"),
            ("Alertmanager, Grafana", "status", "groupKey,alerts.0.startsAt & receiver & status=firing|resolved"),
            ("AppOptics", "alert.name", "alert.id & trigger_time & conditions.0.id"),
            ("Azure Monitor", "data.essentials.monitorCondition,schemaId", "schemaId=*zureMonitor*|Microsoft.Ins*"),
            ("Falco", "priority", "rule & output_fields.container.name,output_fields.proc.cmdline"),
            ("GitGuardian", "action", "source=GitGuardian & timestamp & message"),
            ("Grafana", "state", "ruleId & ruleUrl & state=alerting|ok|no_data|paused|pending"),  # before version 8
            ("Datadog", "event_type", "org.id & last_updated & title & event_type=*alert|*monitor|service_check"),
            ("Honeybadger", "event", "message & project.id & project.unresolved_fault_count"),
            ("JFrog", "top_severity", "watch_name & issues.0.severity"),
            ("New Relic", "current_state,state", "incident_url,issueUrl=https://*.newrelic.com/*"),
            ("OpenStatus", "status", "status=degraded|error|recovered & cronTimestamp & monitor.id"),
            ("Opsgenie", "action", "alert.alertId & integrationId"),
            ("PagerDuty", "event.event_type", "event.resource_type=alert|incident|pagey|service & event.occurred_at"),
            ("PagerDuty", "messages.0.event,messages.0.type", "messages.0.event,messages.0.type=incident.*"),
            ("Pingdom", "current_state", "check_id & check_type & previous_state"),
            ("Raygun", "eventType", "event=error_notification|error_activity & error.url & application.name"),
            ("Rollbar", "event_name", "data.item.first_occurrence_timestamp,data.deploy.project_id"),
            ("Sentry", f"{_SENTRY},action", f"{_SENTRY},installation.uuid & {_SENTRY},actor.id"),
            ("Sentry", "level", "project_slug,project_name & culprit & event.event_id,event.received"),
            ("Snyk", "http.headers.x-snyk-event,project.browseUrl", "http.headers.x-snyk-event,project.testFrequency"),
            ("Splunk", "search_name", "sid & results_link"),
            ("Statuspage", "page.status_indicator", "meta.unsubscribe & page.id"),
            ("UptimeRobot", "alertTypeFriendlyName", "monitorURL & monitorFriendlyName"),
            ("Uptime Kuma", "heartbeat.status", "heartbeat.monitorID & heartbeat.important & msg"),
            # Mails, talk, tickets, users, forms and orders
            ("Adyen", "notificationItems.0.NotificationRequestItem.eventCode", "live=true|false"),
            ("Clerk", "type", "object=event & data.object=user|session|email|sms*|organ*|role|perm*|wait*|commerce*"),
            ("Gumroad", "sale_id", "seller_id & sale_id & product_permalink"),
            ("Jira", "webhookEvent", f"webhookEvent={_AT_JIRA}"),
            ("Lemon Squeezy", "meta.event_name", "data.type=license-keys|orders|subscription* & data.id"),
            ("Linear", "type", "webhookTimestamp & organizationId & action"),
            ("Mailchimp", "type", "data[list_id] & fired_at & type=cleaned|profile|subscribe|unsubscribe|upemail"),
            ("Mailgun", "event-data.event,event", "event-data.event,message-headers & signature.token,message-headers"),
            ("Mailjet", "event", "mj_campaign_id & mj_contact_id"),
            ("Mandrill", "http.headers.user-agent", "http.headers.user-agent=Mandrill-Webhook/* & mandrill_events"),
            ("Netlify", "event", "event=login|signup|validate & instance_id & user.app_metadata.provider"),
            ("Netlify", "form_name", "form_id & ordered_human_fields.0.name"),
            ("Postmark", "RecordType,Type,MessageStream", "MessageStream,TypeCode & MessageID"),
            ("Printful", "type", "type=order_*|package_* & retries & store & data.order.id"),
            ("Razorpay", "event", "entity=event & account_id=acc_* & contains"),
            ("Resend", "type", "type=email.*|contact.* & data.email_id,data.audience_id"),
            ("SendGrid", "event", "sg_event_id,sg_message_id"),
            ("Slack", "event.type,type", "type=event_callback|app_rate_limited & team_id & api_app_id"),
            ("Squarespace", "topic", "websiteId & subscriptionId & topic=order.*|extension.*|contact.*|profile.*"),
            ("Supabase", "table", "schema=auth & type=DELETE|INSERT|UPDATE & old_record,old_record.id"),
            ("Twilio", "MessageStatus,SmsStatus,CallStatus,Level", "AccountSid=AC* & MessageSid,SmsSid,CallSid,Sid"),
            ("WooCommerce", "order_key", "order_key=wc_order_*"),
            ("TYPO3", "context", "context=frontend|backend & url & loginData.uname,details.provider"),
            ("WordPress", "hook", "hook=comment_post|user_register|wp_login"),
            ("Databricks", "event", "model_name & webhook_id & event=COMMENT_*|TRANSITION_REQUEST_*"),
            # Builds
            ("Adobe Cloud Manager", "event.@type", "event.@id=urn:oeid:cloudmanager:*"),
            ("App Service", "status,Status", "siteName,ProjectUrl & hostName,SiteUrl & deployer,EnvironmentName"),
            ("App Store Connect", "data.type", f"data.type={_AT_APPLE} & data.id & data.version"),
            ("Appcircle", "action", "deliveryId & item.organizationId & title & message"),
            ("Appflow", "state", "automationId & buildInfo.job_type"),
            ("AppSignal", "marker.environment", "marker.marker_id & marker.revision"),
            ("AppVeyor", "eventName", "eventData.buildUrl"),
            ("Argo, Flux, Tekton", "kind,app.kind", "apiVersion,app.apiVersion=argoproj.*|*.fluxcd.io/*|tekton.dev/*"),
            ("AWX", "status", "friendly_name,playbook & started & finished & url=*/jobs/*"),
            ("Bamboo", "build.status", "build.buildResultKey"),
            ("Bitrise", "http.headers.bitrise-event-type,build_status", "http.headers.bitrise-event-type,build_slug"),
            ("Buildbot", "event,state_string", "buildid & buildername,builderid"),
            ("Buddy", "execution.status", "workspace.domain & invoker.html_url & execution.html_url"),
            ("Buildkite", f"{_BUILDKITE},event", f"{_BUILDKITE},pipeline.slug & {_BUILDKITE},build.web_url"),
            ("Bugsnag", "trigger.type", "trigger.message & project.url=https://*bugsnag*|https://*insighthub*"),
            ("Chromatic", "event", "event & build.webUrl,review.webUrl=https://www.chromatic.com/*"),
            ("CircleCI", "payload.status", "payload.build_url=https://circleci.com/*"),
            ("CircleCI", f"{_CIRCLECI},type", f"{_CIRCLECI},happened_at & {_CIRCLECI},webhook.name"),
            ("Cirrus CI", "http.headers.x-cirrus-event,action", "http.headers.x-cirrus-event,build.changeIdInRepo"),
            ("Clever Cloud", "event", "event=DEPLOYMENT_*|APPLICATION_REDEPLOY & data.appId,appId=app_*-*-*-*-*"),
            ("Cloud 66", "event_type", "redeploy_hook,stack.redeploy_hook,fqdn=https://hooks.cloud66.com/*|*.c66.me"),
            ("Cloudflare", "alert_type", "policy_id & account_id"),
            ("Cloudflare", "type", "type=cf.workersBuilds.* & metadata.eventSubscriptionId"),
            ("Cloud Build", "status", "logUrl=https://console.cloud.google.com/*/builds* & id & projectId,startTime"),
            ("Codacy", "commit.data.uuid", "commit.data.urls.delta & commit.results.new_count"),
            ("Codecov", "head.commitid", "repo.service_id & owner.service & compare.message"),
            ("Codeship", "build.status", "build.build_url=*codeship* & build.commit_url"),
            ("Coolify", "event", "success & message & application_uuid,database_uuid,task_uuid,server_uuid"),
            ("Coveralls", "commit_sha", "badge_url=*coveralls* & repo_name"),
            ("Cursor", "status", "event=statusChange & source.repository & target.url"),
            ("dbt", "eventType", "accountId & data.jobId & data.runId & eventType=job.*"),
            ("DeepSource", "type", "type=analysis_run.*|repository.* & createdAt & data.object.object"),
            ("DeployHQ", "end_revision.ref,payload.end_revision.ref", "project.permalink,payload.project.permalink"),
            ("Dokploy", "title", "projectName & applicationName & buildLink,databaseName & type=build|error|success"),
            ("Drone", f"{_DRONE},event", f"{_DRONE},repo.uid & {_DRONE},build.number"),
            ("env0", "type", "type=com.env0.* & datacontenttype & source"),
            ("Expo", "status", "appId & buildDetailsPageUrl,submissionDetailsPageUrl"),
            ("Flow, Gitee Go", "task.statusCode,job.statusCode", "task.pipelineUrl,job.pipelineUrl"),
            ("Flux", "reason", "reportingController & involvedObject.kind"),
            ("Gearset", "run.status", "job.name & run.type & run.start_date_utc"),
            ("GoCD", "data.pipeline.stage.state", "type=stage & data.pipeline.counter & data.pipeline.group"),
            ("Harness", "eventType", "data.pipelineIdentifier & data.accountIdentifier"),
            ("Harness", "eventData.eventType", "eventData.pipelineIdentifier & eventData.accountIdentifier"),
            ("Heroku", "resource,release", "webhook_metadata.event.include,head_long & action,git_log"),
            ("Honeybadger", "event", "event=deployed & message & deploy.revision & project.id"),
            ("Jenkins", "build.phase", "build.full_url,build.fullUrl"),
            ("Jenkins", "event", "buildName & buildUrl & buildVars & projectName"),
            ("Jenkins", "type", "type=item.*|run.* & dataType=*hudson.*|*jenkins*|*cloudbees* & source & id"),
            ("Laravel Forge", "status", "server.id & site.id & commit_hash & commit_author"),
            ("MyGet", "PayloadType", "PayloadType=Build*WebHookEventPayloadV1|PingWebHookEventPayloadV1 & Identifier"),
            ("Netlify", "payload.state", "payload.site_id & payload.deploy_ssl_url"),
            ("Northflank", "event", f"event={_AT_NORTHFLANK} & data.project.id & data.job.id,data.service.id"),
            ("Octopus Deploy", "Payload.Event.Category,EventType", "EventType=SubscriptionPayload & Payload.BatchId"),
            ("Percy", "data.attributes.event", "data.type=webhook-deliveries & data.attributes.build-number"),
            ("Platform.sh", "type", "completion_percent & project & state & started_at"),
            ("Pulumi", f"{_PULUMI},stackName", f"{_PULUMI},organization.githubLogin"),
            ("Railway", "type", "resource.workspace.id & resource.project.id & resource.environment.id"),
            ("Railway", "type", "type=DEPLOY & project.id & environment.id & deployment.id"),
            ("Read the Docs", "event", "event=build:failed|build:passed|build:triggered & build_url & slug"),
            ("Render", "type", "data.serviceId=srv-*|crn-*|dpg-*|red-* & timestamp"),
            ("Rundeck", "trigger", "executionId & execution.href"),
            ("Review Board", "event", "event=reply_*|review_* & review_request.absolute_url"),
            ("Scalingo", "type", "type=deployment & app_id & app_name & type_data.status,type_data.git_ref"),
            ("Semaphore", "pipeline.state,event", "project_hash_id,workflow.id & project_hash_id,revision.commit_sha"),
            ("SonarQube", "qualityGate.status,status", "serverUrl & analysedAt"),
            ("Spacelift", "state,title,action", "account & stateVersion,error,remoteIP & run.id,body,context.mutation"),
            ("Spinnaker", "details.type", "details.type=orca:*|build & details.type,details.source=orca*|igor"),
            ("TeamCity", "eventType,build.notifyType", "payload.buildTypeId,build.buildTypeId"),
            ("TeamCity", "notifyType", "buildTypeId"),
            ("Terraform", "notifications.0.trigger,trigger", "notification_configuration_id=nc-*"),
            ("Terraform", "stage", "task_result_id=taskrs-*"),
            ("Travis CI", "state,status_message", "build_url=*travis*/builds/*"),
            ("Travis CI", "status_message", "repository.owner_name & repository.id"),
            ("Trigger.dev", "type", "type=alert.* & webhookVersion & created"),
            ("Unity", "buildStatus", "buildTargetName & projectGuid"),
            ("WordPress VIP", "http.headers.x-wpvip-webhook,sha", "http.headers.x-wpvip-webhook,domain=v0|*.go-vip.*"),
            ("Xcode Cloud", "ciBuildRun.attributes.executionProgress", "ciBuildRun.id & ciProduct.id"),
        )
    ),
    other(
        *("Snipcart", "eventName", "createdOn & mode=Live|Test"),
        "order.*|*subscription.*|taxes.*|shippingrates.*|customauth:*",
    ),
    other("commercetools", "resource.typeId", "projectKey", "cart|customer*|order*|payment|quote*|shopping*|subscri*"),
    other("Crowdin", "event", "build.project.identifier,comment.string.project.name", "project.built|stringComment.*"),
    other("Directus", "collection", "event", "directus_presets|directus_roles|directus_sessions|directus_users"),
    other("Discourse", "http.headers.x-discourse-event", "", "flag_*|group_*|notification_*|reviewable_*|user_*"),
    other("Appwrite", "http.headers.x-appwrite-webhook-events", "", "functions.*|messaging.*|sites.*|teams.*|users.*"),
    other("BookStack", "event", "webhook_id & triggered_by_profile_url", "api_token_*|auth_*|comment*|mfa_*|webhook_*"),
    other("Chargebee", "event_type", "id=ev_* & webhook_status", "credit*|customer*|invoice*|payment*|subscri*|trans*"),
    other("Commerce Layer", "http.headers.x-commercelayer-topic", "", "customer*|order*|refunds.*|return*|shipment*"),
    other("Ecwid", "eventType", "storeId & eventCreated", "application.*|customer*|invoice.*|*order.*|subscription.*"),
    other("Eventbrite", "config.action", "config.webhook_id & api_url", "attendee.*|barcode.*|order.*|test"),
    other("Figma", "event_type", "passcode & webhook_id", "DEV_MODE_STATUS_UPDATE|FILE_COMMENT"),
    other("Frame.io", "type", "http.headers.x-frameio-request-timestamp", "collaborator.*|comment.*|teammember.*"),
    other("HubSpot", "subscriptionType", "portalId", "company.*|contact.*|conversation.*|deal.*|line_item.*|ticket.*"),
    other("Lokalise", "event", _AT_LOKALISE, "project.exported|*.comment.*|*.contributor.*|*.task.*|team.order.*"),
    other("Outline", "event", "webhookSubscriptionId & actorId", "comments.*|fileOperations.*|users.sign*|views.*"),
    other("Saleor", "http.headers.saleor-event", "", "*order_*|checkout_*|customer_*|fulfil*|payment_*|transaction_*"),
    other("Shopify", "admin_graphql_api_id", "", "gid://shopify/*Order*|gid://shopify/Customer*|gid://shopify/Refund*"),
    other("Shopware", "data.event", "source.shopId & source.url", "checkout.*|customer.*|mail.*|order*|state_*.order*"),
    other("Square", "type", "merchant_id & event_id & data.id", "customer.*|invoice.*|order.*|payment.*|refund.*"),
    other("Webflow", "triggerType", "", "form_submission|ecomm_*order*|*user_account_*|comment_created"),
    # Known by their secret alone.
    ignored("Azure DevOps", "another event", "event of a kind that is not known", "change.type", "http.webhook=azure"),
    ignored("Storyblok", "another event", "event of a kind that is not known", "change.type", "http.webhook=storyblok"),
    ignored("Vercel", "another event", "event of a kind that is not known", "change.type", "http.webhook=vercel"),
)

#: What many senders' buttons for a test send. It counts only for a whole webhook, not for what an event carries.
_TYPED: Final = "http.method & type,event,eventType,event_type,meta.event"
TESTS: Final = (trial("a sender", f"{_TYPED}=webhook?test|test.webhook|webhook.ping|test|Test|TEST|testEndpoint"),)

TABLES: Final = (
    *(_CONTENTFUL, _SANITY, _STRAPI, _DATOCMS, _PRISMIC, _STORYBLOK, _DRAFTS),
    *(_REGISTRIES, _SHOPS, _CLOUDS, _HOSTS),
)
