"""A server in the shape of the Climate Data Store's retrieval API: jobs, and what they deliver."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POLLS_UNTIL_READY = 2


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def cds(self):
        return self.server.cds

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.cds.keys.add(self.headers.get("PRIVATE-TOKEN"))
        self.cds.ordered.append(body)
        job = f"job-{len(self.cds.ordered)}"
        self.cds.polls[job] = 0
        self.say({"jobID": job, "status": "accepted"}, 201)

    def do_HEAD(self):
        self.say({})

    def do_GET(self):
        _, *parts = self.path.partition("?")[0].split("/")
        match parts:
            case ["jobs", job, "results"]:
                self.say({"asset": {"value": {"href": f"{self.cds.files_url}/files/{job}.grib"}}})
            case ["jobs", job] if job in self.cds.polls:
                self.cds.polls[job] += 1
                ready = self.cds.polls[job] > POLLS_UNTIL_READY
                self.say({"jobID": job, "status": self.cds.outcome if ready else "running"})
            case ["files", _]:
                self.cds.fetched += 1
                self.send(self.cds.product, "application/x-grib")
            case _:
                self.say({"detail": "not found"}, 404)

    def say(self, document, status=200):
        self.send(json.dumps(document).encode(), "application/json", status)

    def send(self, body, media_type, status=200):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            for start in range(0, len(body), 65536):
                self.wfile.write(body[start : start + 65536])

    def log_message(self, *_arguments):
        pass


class CdsServer:
    """Serves jobs; `product` is what each delivers, `outcome` how they end, `ordered` what was asked."""

    def __init__(self, product):
        self.product = product
        self.outcome = "successful"
        self.ordered = []
        self.keys = set()
        self.polls = {}
        self.fetched = 0
        # On every loopback address: the whole of 127.0.0.0/8.
        self._server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self._server.cds = self
        self.port = self._server.server_address[1]
        self.url = self.files_url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def definition(self):
        """The parts of eodag's definition of the Climate Data Store that lead here."""
        order = f'{self.url}/execution?{{{{"inputs": {{qs#to_geojson}}}}}}'
        job = f"{self.url}/jobs/{{eodag:order_id}}"
        return {
            "search": {"metadata_mapping": {"eodag:order_link": order}},
            "download": {
                "order_on_response": {
                    "metadata_mapping": {
                        "eodag:order_id": "$.json.jobID",
                        "eodag:status_link": f"{job}?request=true",
                        "eodag:search_link": f"{job}/results",
                    }
                }
            },
        }

    def close(self):
        self._server.shutdown()
        self._server.server_close()
