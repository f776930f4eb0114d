"""Build topocalc 0.5.0 in an environment of its own: its sources are of 2021, and do not build as they are.

    python -m moonfleet.experiments.bench.topocalc.recipe FOLDER

needs gcc, the headers of this Python and the package index. Two things are changed: ``np.float``, which numpy dropped, and the C
that Cython once wrote from ``topo_core.pyx``, which is written anew by a Cython of today.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import venv
from pathlib import Path
from typing import Final

from ...errors import BenchError
from ..peer_python import DONE, run_step

SOURCE: Final = "https://files.pythonhosted.org/packages/53/d4/06d34bc7f7cb67d499d790275cd6f00472a5f5d2bd07d7e37ce7b6973aea/topocalc-0.5.0.tar.gz"


def python_with_topocalc(folder: Path) -> Path:
    """Return a Python that imports topocalc, built under ``folder`` unless it is there.

    Raises `BenchError` where a step of the build fails, with what it said.
    """
    python = folder / "env" / "bin" / "python"
    if (folder / DONE).exists():
        return python
    folder.mkdir(parents=True, exist_ok=True)
    try:
        archive = folder / "topocalc.tar.gz"
        urllib.request.urlretrieve(SOURCE, archive)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        package = next(folder.glob("topocalc-*/topocalc"))
        venv.create(folder / "env", with_pip=True)
        run_step(
            "topocalc 0.5.0", [str(python), "-m", "pip", "install", "-q", "cython<3.1", "numpy", "scipy", "setuptools"]
        )
        for source in package.glob("*.py"):
            text = source.read_text(encoding="utf-8")
            source.write_text(text.replace("np.float)", "float)"), encoding="utf-8")
        core = package / "core_c"
        run_step("topocalc 0.5.0", [str(python), "-m", "cython", str(core / "topo_core.pyx")])
        include = subprocess.run(
            [str(python), "-c", "import numpy; print(numpy.get_include())"], capture_output=True, text=True, check=True
        ).stdout.strip()
        target = core / f"topo_core{sysconfig.get_config_var('EXT_SUFFIX')}"
        sources = [str(core / "topo_core.c"), str(core / "hor1d.c")]
        headers = [f"-I{sysconfig.get_paths()['include']}", f"-I{include}"]
        run_step("topocalc 0.5.0", ["gcc", "-O3", "-fPIC", "-shared", *headers, *sources, "-lm", "-o", str(target)])
        site = sysconfig.get_path("purelib", vars={"base": str(folder / "env"), "platbase": str(folder / "env")})
        (Path(site) / "topocalc.pth").write_text(f"{package.parent}\n", encoding="utf-8")
        run_step("topocalc 0.5.0", [str(python), "-c", "from topocalc.horizon import horizon"])
    except (OSError, StopIteration) as error:
        raise BenchError(f"topocalc 0.5.0 under {folder}: {error or 'its archive is not as expected'}") from error
    (folder / DONE).write_text(hashlib.sha256(archive.read_bytes()).hexdigest() + "\n", encoding="utf-8")
    return python


if __name__ == "__main__":
    sys.stdout.write(f"{python_with_topocalc(Path(sys.argv[1]))}\n")
