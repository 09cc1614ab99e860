"""The libraries of senders of webhooks, from the npm registry: what they sign, Holdoff has to take.

Each is fetched by its own client (``npm pack``), checked against the hash that stands here, and unpacked; no script of
theirs is run, and nothing that they depend on but need not.
"""

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.engines.cache import EngineUnavailable, cache_root, cached, run_quietly, unpack
from tests.waiting import PATIENCE_S

NAME = "signers"
#: Each with its SHA-512, as the registry's ``integrity`` has it.
PACKAGES = {
    "@contentful/node-apps-toolkit@3.16.1": "lCmmtJ2DoCdH7XSEIFajKmp30cDTctkNiJ7r6o8jR6/D"
    "xKVfyVZUD4BZKi96wvqner57+55vzDg+P1TJqxHa/g==",
    "@octokit/webhooks-methods@6.0.0": "MFlzzoDJVw/GcbfzVC1RLR36QqkTLUf79vLVO3D+xn7r"
    "0QgxnFoLZgtrzxiQErAjFUOdH6fas2KeQJ1yr/qaXQ==",
    "@sanity/webhook@4.0.4": "c8LmzR5Wx93zJ10ohhp0XlmPrTNSFyvPcLbNY/sN45Wj5VOngz4FbBMbX9j64sSQLt+676U6OhiVfjs1yw3YCw==",
    "@stablelib/base64@1.0.1": "1bnPQqSxSuc3Ii6MhBysoWCg58j97aUjuCSZrGSmDxNq"
    "tytIi0k8utUenAwTZN4V5mXXYGsVUI9zeBqy+jBOSQ==",
    "fast-sha256@1.3.0": "n11RGP/lrWEFI/bWdygLxhI+pVeo1ZYIVwvvPkW7azl/rOy+F3HYRZ2K5zeE9mmkhQppyv9sQFx0JM9UabnpPQ==",
    "runtypes@5.2.0": "ArcmkYvNWkHrwg4Ic7St365oUGAkiIcs6vNmoRNzADv7nBhrTQC8C562TYnIV9nxxMxdmAAHsehD78xuWeYPJA==",
    "standardwebhooks@1.1.1": "bCbX9ZEyFkWPsRz7Bl3NuQUJohmwGSev/yhr7vhaGPlc"
    "4AfIrspIRa6cPTBuI1ItmrTDJ4d/S2hCsfe4+vQGnQ==",
    "svix@1.99.1": "JfpvbAg5iT5NagDAfOq3e6Ci6NbOMbMm6C3DnfDBB60m2JDK+Z2hXPE9XNAmutb53DCdPoih1V70IbklZnX09A==",
}
SCRIPT = Path(__file__).with_name("signers.mjs")


def sign(asked: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The headers with which each of these is signed; see the script.

    Raises:
        EngineUnavailable: there is no Node.js, or the packages cannot be fetched.
    """
    folder = _signers()
    done = subprocess.run(
        [_program("node"), "--input-type=module", "--eval", SCRIPT.read_text()],
        cwd=folder,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    signed: list[dict[str, str]] = json.loads(done.stdout)
    return signed


def fetch() -> str:
    """Bring them into the cache; says what there is now."""
    return f"{NAME}: {_signers()}"


def describe() -> str:
    """In one line, what a run would use; nothing is fetched."""
    fetched = (cache_root() / _entry()).exists()
    return f"{NAME}: {len(PACKAGES)} packages of npm" + ("" if fetched else " (will be fetched)")


def _entry() -> str:
    return f"{NAME}-{hashlib.sha256(json.dumps(PACKAGES).encode()).hexdigest()[:12]}"


def _signers() -> Path:
    return cached(_entry(), _install, proof="node_modules/svix/package.json")


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise EngineUnavailable(f"{name} is not on PATH; install Node.js 20 or later")
    return path


def _install(staging: Path) -> None:
    for package, sha512 in PACKAGES.items():
        packed = run_quietly([_program("npm"), "pack", "--ignore-scripts", "--silent", package], cwd=staging)
        tarball = staging / packed.strip().splitlines()[-1]
        actual = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        if actual != sha512:
            raise EngineUnavailable(f"{package} has SHA-512 {actual}, not {sha512}: refused")
        unpack(tarball, staging / ".unpacked")
        folder = staging / "node_modules" / package.rpartition("@")[0]
        folder.parent.mkdir(parents=True, exist_ok=True)
        (staging / ".unpacked" / "package").rename(folder)
        tarball.unlink()
