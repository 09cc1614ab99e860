"""The function's package: the same bytes for the same sources, nothing that is not needed, and it imports."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.deploy.cloudformation import ROOT
from tools import lambda_package

BUILDER = "tools/lambda_package.py"
NOT_OURS = ("boto3", "botocore", "rich", "opentelemetry")
#: Uncompressed, as it is uploaded; the service takes 50 MB.
MOST_BYTES = 950_000
EVERY_MODULE = f"""
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
foreign = [name for name in sys.modules if name.partition(".")[0] in {NOT_OURS}]
sys.exit(f"imported: {{foreign}}" if foreign else 0)
"""


def build(folder: Path, output: Path, *args: str, umask: int = 0o022) -> str:
    """What the builder of a checkout prints; run from elsewhere."""
    done = subprocess.run(
        [sys.executable, folder / BUILDER, "--output", output, *args],
        cwd=output.parent,
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("package") / "holdoff-lambda.zip"
    build(ROOT, output)
    return output


def names(package: Path) -> list[str]:
    with zipfile.ZipFile(package) as opened:
        return opened.namelist()


def module_names(package: Path) -> list[str]:
    files = [name for name in names(package) if name.endswith(".py")]
    return [name[:-3].removesuffix("/__init__").replace("/", ".") for name in files]


def test_other_checkouts_give_the_same_bytes(package: Path, tmp_path: Path) -> None:
    for number, umask in enumerate((0o000, 0o077)):
        checkout = tmp_path / f"checkout-{number}"
        for part in ("src", "tools"):
            shutil.copytree(ROOT / part, checkout / part)
        (checkout / "src/holdoff/left-over.pyc").touch()
        for path in checkout.rglob("*"):
            path.chmod(0o700 if number else 0o755)
            os.utime(path, (number * 86_400, number * 86_400))
        output = tmp_path / f"elsewhere-{number}" / "x.zip"
        output.parent.mkdir()
        build(checkout, output, umask=umask)
        assert output.read_bytes() == package.read_bytes()


def test_what_is_printed_is_what_the_service_will_say(tmp_path: Path) -> None:
    output = tmp_path / "x.zip"
    said = build(ROOT, output)
    digest = hashlib.sha256(output.read_bytes())
    assert f"{output.stat().st_size:,} bytes" in said
    assert digest.hexdigest() in said
    assert f"CodeSha256 {base64.b64encode(digest.digest()).decode()}" in said


def test_everybody_may_read_it_and_nothing_says_when_or_where_it_was_made(package: Path) -> None:
    with zipfile.ZipFile(package) as opened:
        entries = opened.infolist()
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
        assert not any(str(ROOT).encode() in opened.read(entry) for entry in entries)
    assert names(package) == sorted(names(package))


def test_nothing_unneeded_is_in_it(package: Path) -> None:
    assert all(name.startswith("holdoff/") and name.endswith(".py") for name in names(package))
    unneeded = ("holdoff.cli", "holdoff.testing", "holdoff.server", "holdoff.plan")
    assert [name for name in module_names(package) if name.startswith(unneeded)] == []
    assert "holdoff.__main__" not in module_names(package)
    assert package.stat().st_size < MOST_BYTES


def test_every_module_in_it_imports_from_it_alone(package: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", EVERY_MODULE, package, *module_names(package)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"holdoff.ingress.aws_lambda", "holdoff.stores.dynamodb.store", "holdoff.aws.lean"} <= set(
        module_names(package)
    )


THIS = f"python{sys.version_info.major}.{sys.version_info.minor}"


def test_compiled_it_is_the_same_bytes_again_and_its_sources_are_not_compiled_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lambda_package, "RUNTIME", THIS)
    one, two = (lambda_package.build(tmp_path / name, compiled=True).read_bytes() for name in ("1", "2"))
    assert one == two
    unpacked = tmp_path / "task"
    with zipfile.ZipFile(tmp_path / "1") as opened:
        opened.extractall(unpacked)
    spoilt = unpacked / "holdoff/core/decision.py"
    spoilt.write_text("raise SystemExit('compiled anew')")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", EVERY_MODULE, unpacked, "holdoff.core.decision"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_only_the_functions_own_python_compiles_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = (ROOT / "deploy/aws/template.yaml").read_text()
    assert f"Runtime: {lambda_package.RUNTIME}\n" in template
    monkeypatch.setattr(lambda_package, "RUNTIME", "python3.99")
    with pytest.raises(SystemExit, match=r"run it with python3\.99"):
        lambda_package.build(tmp_path / "x.zip", compiled=True)
    assert not (tmp_path / "x.zip").exists()


def test_a_module_that_is_imported_in_a_function_is_in_it(tmp_path: Path) -> None:
    checkout = _checkout(tmp_path, "def f():\n    from holdoff.core import late\n")
    (checkout / "src/holdoff/core/late.py").write_text('"""Late."""\n')
    build(checkout, output := tmp_path / "x.zip")
    assert "holdoff.core.late" in module_names(output)


def test_one_that_only_a_type_checker_reads_is_not(tmp_path: Path) -> None:
    checkout = _checkout(
        tmp_path, "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from holdoff.core import late\n"
    )
    (checkout / "src/holdoff/core/late.py").write_text('"""Late."""\n')
    build(checkout, output := tmp_path / "x.zip")
    assert "holdoff.core.late" not in module_names(output)


def test_what_does_not_import_is_no_package(tmp_path: Path) -> None:
    checkout = _checkout(tmp_path, "import boto3\n")
    done = subprocess.run(
        [sys.executable, checkout / BUILDER, "--output", tmp_path / "x.zip"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "ModuleNotFoundError: No module named 'boto3'"
    assert list(tmp_path.glob("x.*")) == []


def test_a_config_goes_along_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text('[projects.site]\ncooldown = "10m"\nstarter = { codebuild = "site" }\n')
    build(ROOT, output := tmp_path / "x.zip", "--config", str(config))
    with zipfile.ZipFile(output) as opened:
        assert opened.read("holdoff.toml") == config.read_bytes()


def test_a_config_with_a_mistake_is_refused_by_name(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text('[projects.site]\ncooldown = "ten minutes"\n')
    done = subprocess.run(
        [sys.executable, ROOT / BUILDER, "--output", tmp_path / "x.zip", "--config", config],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "mine.toml: projects.site.cooldown is 'ten minutes'; write a duration" in done.stderr
    assert not (tmp_path / "x.zip").exists()


def _checkout(folder: Path, more: str) -> Path:
    """A copy whose handler has some lines more."""
    for part in ("src", "tools"):
        shutil.copytree(ROOT / part, folder / "checkout" / part)
    handler = folder / "checkout/src/holdoff/ingress/aws_lambda.py"
    handler.write_text(handler.read_text() + more)
    return folder / "checkout"
