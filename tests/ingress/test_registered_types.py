"""Of each type of event in AWS's registry of schemas: only writes to S3 and a schedule's time build by themselves."""

from __future__ import annotations

import pytest

from tests.ingress import public_samples
from tests.ingress.public_samples import Sample
from tests.ingress.shapes import in_sns
from tests.ingress.test_public_samples import ROUTES, judged, read

CHANGES = {"aws.s3 Object Created", "aws.s3 Object Deleted", "aws.events Scheduled Event"}
#: Of these the detail tells by itself whose it is.
TOLD_BY_DETAIL = ("aws.codecommit Code", "aws.ecr ECR", "aws.s3 Object")


@pytest.mark.parametrize("rules", ROUTES)
def test_of_all_registered_types_only_changes_build(rules: str) -> None:
    samples = read(public_samples.registered)
    assert len(samples) > 370
    assert {sample.name for sample in samples} >= CHANGES
    for name, event in samples:
        expected = "1 built" if name in CHANGES else "ignored"
        for carried in (event, in_sns(event)):
            assert judged(Sample(name, carried), ROUTES[rules]) == expected, name


@pytest.mark.parametrize("rules", ROUTES)
def test_the_detail_alone_is_no_change_either(rules: str) -> None:
    samples = [sample for sample in read(public_samples.registered) if sample.name.startswith(TOLD_BY_DETAIL)]
    assert len(samples) > 15
    for name, event in samples:
        assert isinstance(event, dict)
        alone = Sample(name, event["detail"])
        assert judged(alone, ROUTES[rules]) == ("1 built" if name in CHANGES else "ignored"), name
