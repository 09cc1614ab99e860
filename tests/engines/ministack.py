"""ministack: many AWS services in one Python process, without Java or Docker.

It lives in a virtual environment of its own, because it pins another botocore than ours.
"""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.cache import (
    cache_root,
    cached,
    pip_install,
    pip_install_wheel,
    platform_tag,
    run_quietly,
)
from tests.engines.process import HOST, Launch, serving

NAME = "ministack"
VERSION = "1.5.33"
SHA256 = ("36f9158cbe7eb7a3f910ccf1c052c98204511164249b783682f7a96ef56b0bba",)
# What it needs, exact, so that every machine tests against the same. With aws-sam-translator and what that needs in
# turn, it deploys SAM templates. The functions it runs see all of this; boto3, as in Lambda's own runtime, among it.
NEEDS = (
    "annotated-types==0.8.0",
    "attrs==26.1.0",
    "aws-sam-translator==1.115.0",
    "boto3==1.43.106",
    "botocore==1.43.106",
    "defusedxml==0.7.1",
    "graphql-core==3.2.12",
    "h11==0.16.0",
    "h2==4.4.1",
    "hpack==4.2.0",
    "hypercorn==0.18.0",
    "hyperframe==6.1.0",
    "jmespath==1.1.0",
    "jsonata-python==0.7.1",
    "jsonschema==4.26.0",
    "jsonschema-specifications==2025.9.1",
    "priority==2.0.0",
    "pydantic==2.13.5",
    "pydantic_core==2.46.5",
    "python-dateutil==2.9.0.post0",
    "pyyaml==6.0.3",
    "referencing==0.37.0",
    "rpds-py==2026.9.1",
    "s3transfer==0.19.3",
    "six==1.17.0",
    "typing-inspection==0.4.5",
    "typing_extensions==4.16.0",
    "urllib3==2.8.0",
    "wsproto==1.3.2",
)
PYTHON = "bin/python"
MAIN = Path(__file__).with_name("ministack_main.py")


@contextmanager
def ministack(*, port: int | None = None, **settings: str) -> Iterator[str]:
    """Run ministack while the block runs; gives its endpoint URL. Its state is in memory.

    Args:
        port: the port to use instead of a free one.
        settings: its own environment variables, such as ``AUTH="true"``.

    Raises:
        EngineUnavailable: this machine cannot have it.
        EngineFailed: it did not come up.
    """
    launch = Launch(
        name=NAME,
        # -P: beside that file lies one of the name of its package.
        command=(str(_tree() / PYTHON), "-P", str(MAIN)),
        env={"BIND_HOST": HOST, "GATEWAY_PORT": "{port}", **settings},
    )
    with serving(launch, port=port) as endpoint:
        yield endpoint


def fetch() -> str:
    """Bring it into the cache; says what there is now."""
    return f"{NAME} {VERSION}: {_tree()}"


def describe() -> str:
    """In one line, what a run would use; nothing is fetched."""
    fetched = (cache_root() / _entry() / PYTHON).exists()
    return f"ministack {VERSION}" + ("" if fetched else " (will be fetched)")


def _tree() -> Path:
    return cached(_entry(), _install, proof=PYTHON)


def _entry() -> str:
    needs = hashlib.sha256("\n".join(NEEDS).encode()).hexdigest()[:8]
    return f"{NAME}-{VERSION}-{needs}-{platform_tag()}"


def _install(staging: Path) -> None:
    run_quietly([sys.executable, "-m", "venv", staging])
    python = staging / PYTHON
    site = run_quietly([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    pip_install_wheel(Path(site.strip()), f"{NAME}=={VERSION}", SHA256)
    pip_install("--no-deps", *NEEDS, python=python)
