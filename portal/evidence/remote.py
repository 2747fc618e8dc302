"""A store that others share: ``PORTAL_EVIDENCE`` names a path or any fsspec URL.

::

    <url>/files/<digest of content>    each file once, whichever results hold it
    <url>/<fingerprint>.json           the manifest of a result, written last
    <url>/times.json                   seconds of each task, for ``shard``

What is not found locally is looked for there, and what is made is copied there. Two
that make the same result at once can only write equal bytes under one name, except the
manifest, of which either is right. What is half-written or damaged counts as absent.
Who can write there is trusted: pages are made of what is found.
"""

import json
import os
from pathlib import Path

from portal.evidence.inputs import Inputs, digest, fingerprint
from portal.evidence.store import Entry, Store, Unavailable

TIMES = "times.json"


class Remote:
    """Names and bytes at a URL."""

    def __init__(self, url: str) -> None:
        import fsspec  # a tenth of a second, which only its users pay

        try:
            self.files, self.path = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise Unavailable(f"PORTAL_EVIDENCE: {error}") from error

    def read(self, names: list[str]) -> list[bytes] | None:
        """The content of each, or nothing if one of them is absent."""
        paths = [f"{self.path}/{name}" for name in names]
        try:
            found = self.files.cat(paths, on_error="return") if paths else {}
            for value in found.values():
                if isinstance(value, Exception):
                    raise value
        except FileNotFoundError:
            return None
        except Exception as error:  # each file system has its own
            raise Unavailable(f"PORTAL_EVIDENCE cannot be read: {error}") from error
        return [found[path] for path in paths]

    def write(self, contents: dict[str, bytes]) -> None:
        try:
            self.files.makedirs(f"{self.path}/files", exist_ok=True)
            self.files.pipe({f"{self.path}/{k}": data for k, data in contents.items()})
        except Exception as error:
            raise Unavailable(f"PORTAL_EVIDENCE cannot be written: {error}") from error


class SharedStore(Store):
    """A store on this disk before another that is shared."""

    def __init__(self, folder: Path, remote: Remote) -> None:
        super().__init__(folder)
        self.remote = remote

    def get(self, inputs: Inputs) -> Entry | None:
        return super().get(inputs) or self._download(inputs)

    def put(
        self,
        scratch: Path,
        task: str,
        inputs: Inputs,
        seconds: float,
        cpu: dict[str, float] | None = None,
    ) -> Entry:
        entry = super().put(scratch, task, inputs, seconds, cpu)
        contents = {
            f"files/{expected}": (entry.files / name).read_bytes()
            for name, expected in entry.digests.items()
        }
        self.remote.write(contents)
        self.remote.write({f"{entry.folder.name}.json": entry.manifest.read_bytes()})
        return entry

    def times(self) -> dict[str, float]:
        found = self.remote.read([TIMES])
        return json.loads(found[0]) if found else {}

    def keep_times(self, seconds: dict[str, float]) -> None:
        if seconds != self.times():
            self.remote.write({TIMES: json.dumps(seconds).encode()})

    def _download(self, inputs: Inputs) -> Entry | None:
        manifest = self._manifest(inputs)
        digests = manifest.get("digests", {})
        contents = self.remote.read([f"files/{value}" for value in digests.values()])
        if not contents or [*map(digest, contents)] != [*digests.values()]:
            return None
        scratch = self.scratch()
        for name, data in zip(digests, contents, strict=True):
            file = scratch / "files" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        took = (manifest["seconds"], manifest.get("cpu"))
        return super().put(scratch, manifest["task"], inputs, *took)

    def _manifest(self, inputs: Inputs) -> dict:
        """What lies there for these inputs; empty if nothing or not for these."""
        found = self.remote.read([f"{fingerprint(inputs)}.json"])
        try:
            manifest = json.loads(found[0]) if found else {}
        except ValueError:
            return {}
        return manifest if manifest.get("inputs") == inputs else {}


def store(root: Path) -> Store:
    """The store of the site in ``root``, as the environment says."""
    folder = root / "build/evidence"
    url = os.environ.get("PORTAL_EVIDENCE")
    return SharedStore(folder, Remote(url)) if url else Store(folder)
