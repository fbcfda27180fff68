"""pypi.py - the packages that the checks against other programs need and Debian does not have. Those that are
missing come from PyPI into BUILD/python, in seconds or not at all.

    /usr/bin/python3 scripts/pypi.py BUILD MODULE REQUIREMENT...

says why it cannot be imported and exits 1 where that fails; module() is the same for Python. What it prints
begins with SKIPPED, which scripts/check shows.
"""

import importlib
import os
import subprocess
import sys


def module(build, name, *requirements):
    """The module `name`, or None, and then it has been printed why."""
    folder = os.path.join(os.path.abspath(build), "python")
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        return importlib.import_module(name)
    except ImportError:
        pass
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--root-user-action", "ignore", "--retries",
             "1", "--timeout", "20", "--target", folder, *requirements], capture_output=True, text=True, timeout=300)
        failure = (done.stderr.strip().splitlines() or ["pip failed"])[0] if done.returncode else None
    except subprocess.TimeoutExpired:
        failure = "pip took more than five minutes"
    if failure is not None:
        print("SKIPPED: what needs " + " and ".join(requirements) + " from PyPI: " + failure, flush=True)
        return None
    importlib.invalidate_caches()
    return importlib.import_module(name)


if __name__ == "__main__":
    sys.exit(module(*sys.argv[1:]) is None)
