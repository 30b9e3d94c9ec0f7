"""A small server for a listening page, which keeps the answers that it is sent.

It is for a loopback or a trusted network: no accounts, no encryption. What comes in is bounded in
size and number, checked to be JSON of this test, and stored under names that nobody can guess.
"""

import json
import secrets
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MOST_BYTES = 256 * 1024
MOST_FILES = 10_000
LOOPBACK = "127.0.0.1"
TIMEOUT_S = 30.0


def collect(
    page: str | Path, results: str | Path, *, host: str = LOOPBACK, port: int = 8000
) -> ThreadingHTTPServer:
    """Make the server of a listening page; `serve_forever()` starts it.

    Args:
        page: The folder that `build_listening_test` made.
        results: The folder for the answers; made where it is not there, and not within the page.
        host: The address to listen at; the loopback alone by default.
        port: Of the address; 0 is any that is free.

    Returns:
        The server, whose `server_address` says where it listens.

    Raises:
        ValueError: If the folder is no listening test, or the results would be served.
    """
    page, results = Path(page).resolve(), Path(results).resolve()
    if not (page / "test.js").is_file():
        raise ValueError(f"{page}: expected a folder that 'dasp listen build' has made")
    if results == page or page in results.parents:
        raise ValueError(f"{results}: is within the page; expected a folder beside it")
    results.mkdir(parents=True, exist_ok=True)
    test = str(_test(page)["id"])
    return ThreadingHTTPServer((host, port), partial(_Collector, page, results, test))


class _Collector(SimpleHTTPRequestHandler):
    """Serves the files of the page, and keeps what is posted to `results`."""

    timeout = TIMEOUT_S

    def __init__(self, page: Path, results: Path, test: str, *args: Any):
        self._results, self._test = results, test
        super().__init__(*args, directory=str(page))

    def list_directory(self, path: Any) -> None:
        self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        if self.path != "/results":
            return self._answer(HTTPStatus.NOT_FOUND, "nothing is taken here")
        try:
            size = int(self.headers.get("Content-Length", ""))
        except ValueError:
            return self._answer(HTTPStatus.LENGTH_REQUIRED, "expected a length")
        if not 0 < size <= MOST_BYTES:
            self.close_connection = True
            return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MOST_BYTES} bytes")
        if sum(1 for _ in self._results.iterdir()) >= MOST_FILES:
            return self._answer(HTTPStatus.INSUFFICIENT_STORAGE, "no more answers are taken")
        try:
            session = json.loads(self.rfile.read(size))
        except ValueError:
            session = None
        if not isinstance(session, Mapping) or session.get("test") != self._test:
            return self._answer(HTTPStatus.BAD_REQUEST, "not the answers of this test")
        name = f"{secrets.token_hex(16)}.json"
        (self._results / name).write_text(json.dumps(session), encoding="utf-8")
        self._answer(HTTPStatus.OK, "kept")

    def end_headers(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def _answer(self, status: HTTPStatus, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _test(page: Path) -> Mapping[str, Any]:
    text = (page / "test.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("const TEST = ").rstrip().removesuffix(";"))
