"""The zip loads and works in Lambda's own runtime for Python, with the oldest botocore that we say we work with."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.conftest import FAKE_AWS, engine_or_skip
from tests.deploy.cloudformation import template
from tests.deployed.conftest import initialise
from tests.engines.lambda_runtime import invoke, lambda_runtime
from tests.standins.codebuild import CodeBuildStandin

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.dynamodb

TABLE = "in-the-runtime"


@pytest.mark.parametrize("by", ["botocore", "lean"])
def test_the_package_works_in_lambdas_runtime(dynamodb_local_url: str, package: Path, tmp_path: Path, by: str) -> None:
    with zipfile.ZipFile(package) as opened:
        opened.extractall(tmp_path)
    handler = template()["Resources"]["Function"]["Properties"]["Handler"]
    table = f"{TABLE}-{by}"
    initialise(f"dynamodb://{table}?region=eu-west-1&endpoint={dynamodb_local_url}")
    with CodeBuildStandin(["site"]) as standin:
        environment = {
            **FAKE_AWS,
            "REGION_NAME": "eu-west-1",
            "DDB_TABLE_NAME": table,
            "HOLDOFF_AWS_CLIENT": by,
            "CODEBUILD_PROJECT_NAME": "site",
            "COOLDOWN": "600",
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_local_url,
            "AWS_ENDPOINT_URL_CODEBUILD": standin.url,
        }
        with engine_or_skip(lambda_runtime(tmp_path, handler, environment)) as endpoint:
            answers = [invoke(endpoint, {"source_version": version}) for version in ("v1", "v2")]
        assert [answer.get("outcome", answer) for answer in answers] == ["started", "skipped"]
        (build,) = standin.builds_started
        assert (build.id, build.source_version) == (answers[0]["build_id"], "v1")
