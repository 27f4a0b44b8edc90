"""Writes the discovery documents beside this file anew, from the package that Google ships them in.

python3 vendor_discovery.py
"""

import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "google-api-python-client==2.202.0"
DOCUMENTS = ["drive.v3", "sheets.v4", "docs.v1"]

here = pathlib.Path(__file__).parent
with tempfile.TemporaryDirectory() as directory:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", directory]
    subprocess.run([*pip, PACKAGE], check=True)
    [wheel] = pathlib.Path(directory).glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        for name in DOCUMENTS:
            text = package.read(f"googleapiclient/discovery_cache/documents/{name}.json")
            # Without a time, so that the same document gives the same bytes.
            (here / f"{name}.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))
            print(name, "revision", json.loads(text)["revision"])
