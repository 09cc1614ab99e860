"""Two parts of the AWS SAM CLI, out of its wheel: sample events, and the Lambda runtime interface emulator.

The tool itself cannot run: the 70 packages it needs are not installed.
"""

from pathlib import Path

from tests.engines.cache import cache_root, cached, pip_install_wheel

NAME = "sam-cli"
VERSION = "1.170.0"
SHA256 = ("24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf",)
EVENTS = "samcli/lib/generated_sample_events"
EMULATORS = "samcli/local/rapid"


def sam_cli() -> Path:
    """The unpacked folder: ``EVENTS`` and ``EMULATORS`` are in it.

    Raises:
        EngineUnavailable: it is not there and cannot be fetched.
    """
    return cached(_entry(), _install, proof=f"{EVENTS}/event-mapping.json")


def fetch() -> str:
    """Bring it into the cache; says what there is now."""
    return f"{NAME} {VERSION}: {sam_cli()}"


def describe() -> str:
    """In one line, what a run would use; nothing is fetched."""
    fetched = (cache_root() / _entry()).exists()
    return f"{NAME} {VERSION}" + ("" if fetched else " (will be fetched)")


def _entry() -> str:
    return f"{NAME}-{VERSION}"


def _install(staging: Path) -> None:
    pip_install_wheel(staging, f"aws-sam-cli=={VERSION}", SHA256)
    for emulator in (staging / EMULATORS).glob("aws-lambda-rie-*"):
        emulator.chmod(0o755)
