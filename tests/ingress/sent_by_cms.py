"""What content systems, image registries and hosts of sites send, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.ingress import payloads as p
from tests.ingress.payloads import DELIVERY
from tests.ingress.sent import Built, Sent, nothing, of
from tests.ingress.shapes import in_sqs


def _registries() -> Iterator[Sent]:
    pushed = Built(id="docker:octo/site:latest@1795395667", by="octocat", reason="image octo/site:latest pushed")
    yield of("Docker Hub")("push of a tag", p.docker_hub(), pushed)
    yield of("Quay")("push", p.quay(), Built(reason="image octo/site:latest pushed"))
    for event, more in (
        ("a build of its own", {"build_id": "296", "trigger_kind": "github"}),
        ("a vulnerability", {"vulnerability": {"id": "CVE-2026-1"}}),
        ("a mirror was synchronised", {"message": "Mirror success"}),
    ):
        yield of("Quay")(event, p.quay(**more), nothing("Quay", "event of octo/site"))


def _contents() -> Iterator[Sent]:
    sent = of("Contentful")
    for kind in ("Entry", "Asset"):
        for action in ("publish", "unpublish"):
            reason = f"{kind.lower()} e1 {action}ed in Contentful"
            yield sent(f"{kind}.{action}", p.contentful(f"{kind}.{action}"), Built(id=DELIVERY, reason=reason))
    topic = "EnvironmentAlias.change_target"
    yield sent(topic, p.contentful(topic), Built(id=DELIVERY, reason="alias e1 moved"))
    for topic in (
        "Entry.create",
        "Entry.save",
        "Entry.auto_save",
        "Entry.archive",
        "Entry.delete",
        "Asset.save",
        "ContentType.publish",
        "Release.save",
        "ReleaseAction.execute",
        "BulkAction.execute",
    ):
        yield sent(topic, p.contentful(topic), nothing("Contentful", f"ContentManagement.{topic}"))

    # https://www.contentful.com/marketplace/webhook/aws-sqs/
    queued = Built(id="m0", reason="content in Contentful")
    for topic in (
        "Entry.publish",
        "Entry.unpublish",
        "Asset.publish",
        "EnvironmentAlias.change_target",
        "Entry.save",
        "Entry.auto_save",
        "Entry.archive",
    ):
        becomes = queued if topic.endswith(("publish", "target")) else nothing("Contentful", "other events")
        told = in_sqs(f"ContentManagement.{topic},e1,u1")
        yield sent(f"{topic}, by its template for a queue", told, becomes)

    sent = of("Sanity")
    for event in ("create", "update", "delete"):
        yield sent(event, p.sanity(event), Built(id=DELIVERY, reason=f"{event} of post-1 in Sanity"))
    yield sent("update, of a draft", p.sanity("update", "drafts.post-1"), nothing("Sanity", "update of drafts.post-1"))
    release = "_.releases.rSummer"
    yield sent("update, of a release", p.sanity("update", release), nothing("Sanity", f"update of {release}"))
    yield sent("any other operation", p.sanity("freeze"), nothing("Sanity", "freeze"))

    sent = of("Strapi")
    for event in ("create", "update", "delete", "publish", "unpublish"):
        published = None if event == "unpublish" else "2026-11-25T03:00:00.264Z"
        request = p.strapi_entry(event, published)
        yield sent(f"entry.{event}", request, Built(reason=f"entry.{event} article 7 in Strapi"))
    for event in ("create", "update", "delete"):
        draft = p.strapi_entry(event, None)
        yield sent(f"entry.{event}, of a draft", draft, nothing("Strapi", f"entry.{event} of a draft"))
    for event in ("media.create", "media.update", "media.delete"):
        yield sent(event, p.strapi(event, media={"id": 1, "name": "x.png"}), Built(reason=f"{event} 1 in Strapi"))
    released = p.strapi("releases.publish", isPublished=True, release={"id": 1})
    yield sent("releases.publish", released, Built(reason="releases.publish in Strapi"))
    staged = "review-workflows.updateEntryStage"
    yield sent(staged, p.strapi(staged, entity={"id": 7}), nothing("Strapi", staged))
    yield sent("any other event", p.strapi("plugin.ran"), nothing("Strapi", "plugin.ran"))
    yield sent("trigger-test", p.strapi("trigger-test"), "a test of Strapi: the webhook is set up")
    yield from _more_contents()


def _more_contents() -> Iterator[Sent]:
    sent, call = of("DatoCMS"), "103216210"
    for event, status in (("publish", None), ("unpublish", None), ("update", "published"), ("delete", "updated")):
        more = f" ({status})" if status else ""
        built = Built(id=call, reason=f"{event} of item 38 in DatoCMS")
        yield sent(f"item {event}{more}", p.datocms("item", event, status=status), built)
    for event, status in (("create", "draft"), ("update", "draft"), ("update", "updated"), ("delete", "draft")):
        draft = nothing("DatoCMS", f"{event} of a draft")
        yield sent(f"item {event} ({status})", p.datocms("item", event, status=status), draft)
    for entity, event in (("upload", "create"), ("cda_cache_tags", "invalidate"), ("environment", "promote")):
        built = Built(id=call, reason=f"{event} of {entity} 38 in DatoCMS")
        yield sent(f"{entity} {event}", p.datocms(entity, event), built)
    sandbox = p.datocms("item", "publish", is_environment_primary=False, environment="next")
    yield sent("item publish, in a sandbox", sandbox, nothing("DatoCMS", "publish of item in the sandbox next"))
    for entity, event in (("item_type", "update"), ("build_trigger", "deploy_succeeded"), ("workflow", "update")):
        yield sent(f"{entity} {event}", p.datocms(entity, event), nothing("DatoCMS", f"{event} of {entity}"))

    sent = of("Prismic")
    published = Built(id="prismic:octo:Z0PcvBEAACsAuVRG", reason="published in Prismic's octo")
    yield sent("api-update, with a master ref", p.prismic_published(), published)
    release = p.prismic(releases={"update": [{"id": "r", "ref": "x", "label": "next", "documents": []}]}, documents=[])
    yield sent("api-update, of a release", release, nothing("Prismic", "api-update without a new master ref"))
    yield sent("any other type", p.prismic("mask"), nothing("Prismic", "mask without a new master ref"))
    yield sent("test-trigger", p.prismic("test-trigger"), "a test of Prismic: the webhook is set up")

    sent = of("Storyblok")
    for action in ("published", "unpublished", "deleted", "moved"):
        story = p.storyblok_story(action)
        yield sent(f"story.{action}", story, Built(reason=f"story blog/hello {action} in Storyblok"))
    for action in ("created", "replaced", "deleted", "restored"):
        yield sent(f"asset.{action}", p.storyblok(action, asset_id=3), Built(reason=f"asset 3 {action} in Storyblok"))
    changed = p.storyblok("entries_updated", datasource_slug="labels")
    yield sent("datasource.entries_updated", changed, Built(reason="data source labels entries_updated in Storyblok"))
    released = Built(reason="release 313 merged in Storyblok")
    yield sent("release.merged", p.storyblok("merged", release_id=313), released)
    plain = p.storyblok(None, "The release summer has been merged.", release_id=313)
    yield sent("release.merged, without an action", plain, released)
    for action in ("deployed", "branch_deployed"):
        stage = p.storyblok(action, "The branch Live has been deployed.", branch_id=9)
        yield sent(f"pipeline {action}", stage, Built(reason="stage 9 deployed in Storyblok"))
    # As its documents show it, and at first
    for event, execution in (("a task", "task_execution"), ("a task, without an action", None)):
        task = p.storyblok(execution, "ann executed the task Deploy", task={"id": 7, "name": "Deploy"})
        yield sent(event, task, Built(reason="task Deploy run in Storyblok"))
    staged = p.storyblok("stage.changed", workflow_name="x", story_id=5826)
    yield sent("workflow stage.changed", staged, nothing("Storyblok", "stage.changed"))
    yield sent("user.added", p.storyblok("added", user_id=1), nothing("Storyblok", "added"))


def _hosts() -> Iterator[Sent]:
    yield of("Netlify")("deploy_created", p.netlify(), nothing("Netlify", "deploy_created"))
    yield of("Vercel")("deployment.succeeded", p.vercel(), nothing("Vercel", "deployment.succeeded"))
    yield of("any other webhook")("anything", p.unknown(), Built(reason="webhook"))


SENT = (*_registries(), *_contents(), *_hosts())
