"""Certificates for tests, made with openssl: an authority, and a server certificate that it signed."""

import subprocess
from pathlib import Path


def make_certificates(folder: Path) -> None:
    """Into `folder`: ca.crt; server.crt and server.key for 127.0.0.1 and localhost, and both as server.pem."""
    (folder / "names.txt").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout ca.key -out ca.crt -subj /CN=test",
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=server",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out server.crt -extfile names.txt",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, capture_output=True, check=True)
    (folder / "server.pem").write_text((folder / "server.crt").read_text() + (folder / "server.key").read_text())
