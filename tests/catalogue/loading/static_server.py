"""A real web server of a folder, that tells what it was asked for, and misbehaves on request."""

import threading
from collections import Counter
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        with server.lock:
            server.asked[self.path] += 1
            server.authorization[self.path] = self.headers.get("Authorization")
            answers = server.answers.get(self.path)
            answer = answers.pop(0) if answers else None
        if answer is None:
            super().do_GET()
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


@contextmanager
def serve(folder):
    """Serve a folder; `answers` holds what is answered instead, once each, by path."""
    with Server(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        server.asked, server.authorization, server.answers = Counter(), {}, {}
        server.lock = threading.Lock()
        server.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
