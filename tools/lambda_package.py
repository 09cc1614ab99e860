"""The Lambda function's package: ``make lambda`` writes dist/holdoff-lambda.zip.

The package has the modules that ``holdoff.ingress.aws_lambda`` can import, found by reading the imports: no command
line, no ``holdoff.testing``, no other packages (the runtime has boto3). It may have a ``holdoff.toml``, which is loaded
first, so that a mistake in it is found here and not by the function.

The same sources give the same bytes on every machine: sorted entries with the same time stamp and mode, no compiled
code. Nothing is compressed, because zlib's output depends on the zlib: some Pythons use zlib-ng. The service unpacks
the package once, when it is uploaded.

With ``HOLDOFF_AWS_CLIENT=lean`` in its environment the function does not load boto3, and a cold start takes less than
half as long. With ``--compiled`` a cold start takes a fifth less: a function cannot keep compiled code, so otherwise
each cold start compiles everything anew. ``--compiled`` needs the function's version of Python, and the bytes depend on
it.

Run: python tools/lambda_package.py [--compiled] [--config holdoff.toml] [--output dist/holdoff-lambda.zip]
Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import ast
import base64
import hashlib
import py_compile
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parent.parent
OUTPUT: Final = ROOT / "dist" / "holdoff-lambda.zip"
HANDLER: Final = "holdoff.ingress.aws_lambda"
#: The runtime in the template.
RUNTIME: Final = "python3.13"
#: The function finds the config here: the package is unpacked into its working directory.
CONFIG: Final = "holdoff.toml"
#: The first instant that a zip file can have.
STAMP: Final = (1980, 1, 1, 0, 0, 0)
#: A regular file that every user may read: the function runs as a user of the service.
MODE: Final = 0o100644
#: Without compiled or installed packages of this machine, which could hide that a module is missing.
CLEAN: Final = (sys.executable, "-I", "-S", "-c")
FROM: Final = "import sys; sys.path.insert(0, sys.argv[1]); "
IMPORTS: Final = FROM + "from importlib import import_module; import_module(sys.argv[2])"
LOADS: Final = FROM + "from holdoff.config import read; read(sys.argv[2], named_by='--config')"


def main() -> None:
    """Write the package, check that it can be imported, and print its size and digests."""
    parser = argparse.ArgumentParser(description="Write the Lambda function's package.")
    parser.add_argument("--config", type=Path, help="a holdoff.toml to put into it")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--compiled", action="store_true", help=f"for a quicker start on {RUNTIME}")
    args = parser.parse_args()
    print(described(build(args.output, config=args.config, compiled=args.compiled)))


def build(output: Path, *, config: Path | None = None, compiled: bool = False, source: Path = ROOT / "src") -> Path:
    """Write the package to ``output``. Raises SystemExit if the config has a mistake, if the package cannot be
    imported, or if this Python cannot compile it."""
    files = {path.relative_to(source).as_posix(): path.read_bytes() for path in modules(source).values()}
    if compiled:
        files |= _compiled(source, list(files))
    if config is not None:
        _run(LOADS, source, config)
        files[CONFIG] = config.read_bytes()
    output.parent.mkdir(parents=True, exist_ok=True)
    unproven = output.with_suffix(".part")
    _write(unproven, files)
    try:
        _run(IMPORTS, unproven, HANDLER)
        return unproven.replace(output)
    finally:
        unproven.unlink(missing_ok=True)


def _compiled(source: Path, names: list[str]) -> dict[str, bytes]:
    """The compiled forms of these files. They do not check whether the sources have changed."""
    this = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if this != RUNTIME:
        raise SystemExit(f"--compiled: this is {this}; run it with {RUNTIME}, as the function does")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            made = py_compile.compile(
                str(source / name),
                cfile=str(Path(folder, "made.pyc")),
                dfile=f"/var/task/{name}",
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
            found[cache_from_source(name)] = Path(str(made)).read_bytes()
    return found


def modules(source: Path) -> dict[str, Path]:
    """The modules that the handler can import, at once or later, and their files."""
    found: dict[str, Path] = {}
    wanted = {HANDLER}
    while wanted:
        name = wanted.pop()
        path = _file(source, name)
        if path is None or name in found:
            continue
        found[name] = path
        wanted |= {name.rpartition(".")[0], *_imported(ast.parse(path.read_bytes()))}
    return found


def _file(source: Path, name: str) -> Path | None:
    """The file of one of our modules; ``None``: the name is another package's, or that of no module."""
    stem = source.joinpath(*name.split("."))
    candidates = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))
    return next((path for path in candidates if name and path.is_file()), None)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Names that may be modules: in every import, in functions too, and in texts that begin with ``holdoff.``."""
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and str(node.value).startswith("holdoff."):
            yield str(node.value)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those that only a type checker reads."""
    yield node
    skips = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    for child in node.orelse if skips else ast.iter_child_nodes(node):  # type: ignore[attr-defined]
        yield from _executed(child)


def _write(output: Path, files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, STAMP)
            entry.create_system = 3  # Unix, on Windows too
            entry.external_attr = MODE << 16
            package.writestr(entry, files[name])


def _run(code: str, *args: object) -> None:
    done = subprocess.run([*CLEAN, code, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip().rpartition("\n")[2])


def described(package: Path) -> str:
    """The package's size and digests; the second as in ``aws lambda get-function --query Configuration.CodeSha256``."""
    content = package.read_bytes()
    digest = hashlib.sha256(content)
    return (
        f"{package}: {len(content):,} bytes\n"
        f"sha256 {digest.hexdigest()}\n"
        f"CodeSha256 {base64.b64encode(digest.digest()).decode()}"
    )


if __name__ == "__main__":
    main()
