"""What others have written and lies in static/, for the list of parts: run by `make lock`."""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STATIC = Path(__file__).resolve().parents[1] / "static"
# Where the version stands, the package on npm, its licence, and its files.
VENDORED = (
    ("vendor/CHECKSUMS", "htmx.org", "0BSD", ("vendor/htmx.min.js", "vendor/hx-csp.min.js")),
    ("icons/lucide.svg", "lucide-static", "ISC", ("icons/lucide.svg",)),
)


def parts() -> Iterator[dict[str, Any]]:
    """Yield each file as CycloneDX has it."""
    for stands_in, package, licence, files in VENDORED:
        text = (STATIC / stands_in).read_text(encoding="utf-8")
        version = re.findall(r"(?i)^\W*(?:htmx\.org|lucide) ([0-9.]+[0-9])", text)[0]
        for file in files:
            digest = hashlib.sha384((STATIC / file).read_bytes()).hexdigest()
            yield {
                "bom-ref": f"static/{file}",
                "type": "file",
                "name": f"static/{file}",
                "version": version,
                "purl": f"pkg:npm/{package}@{version}",
                "hashes": [{"alg": "SHA-384", "content": digest}],
                "licenses": [{"license": {"id": licence}}],
            }


if __name__ == "__main__":
    path = Path(sys.argv[1])
    bom = json.loads(path.read_text(encoding="utf-8"))
    bom["components"] += parts()
    path.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")
