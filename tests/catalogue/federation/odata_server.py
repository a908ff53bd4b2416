"""An OData server in the shape of the Copernicus Data Space: it honours the queries, and refuses others."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit

import shapely

ATTRIBUTE = (
    r"Attributes/OData\.CSC\.{kind}Attribute/any\(att:att/Name eq '{name}' "
    r"and att/OData\.CSC\.{kind}Attribute/Value {test}\)"
)
CLAUSES = [
    (r"Collection/Name eq '([^']*)'", lambda record, name: record["collection"] == name),
    (
        r"OData\.CSC\.Intersects\(area=geography'SRID=4326;(.*?)'\)",
        lambda record, wkt: shapely.from_wkt(wkt).intersects(shapely.box(*record["box"])),
    ),
    (
        ATTRIBUTE.format(kind="String", name="productType", test="eq '([^']*)'"),
        lambda record, kind: record["kind"] == kind,
    ),
    (
        ATTRIBUTE.format(kind="Double", name="cloudCover", test=r"le ([\d.]+)"),
        lambda record, most: record["cloud"] <= float(most),
    ),
    (r"ContentDate/Start lt (\S+)", lambda record, when: record["start"] < when),
    (r"ContentDate/End gt (\S+)", lambda record, when: record["end"] > when),
    (r"contains\(Name,'([^']*)'\)", lambda record, part: part in record["name"]),
]


class ODataServer:
    """Serves records; `queries` are the filters that it was asked."""

    def __init__(self, records):
        self.records = records
        self.queries = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, document = owner.answer(self.path)
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/odata/v1/Products"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path):
        address = urlsplit(path)
        query = dict(parse_qsl(address.query))
        self.queries.append(query.get("$filter", ""))
        found = self.records
        rest = query.get("$filter", "")
        while rest:
            for pattern, test in CLAUSES:
                if match := re.match(rf"{pattern}(?: and |$)", rest):
                    found = [record for record in found if test(record, match[1])]
                    rest = rest[match.end() :]
                    break
            else:
                return 400, {"detail": f"cannot read {rest!r}"}
        name, _, direction = query.get("$orderby", "ContentDate/Start asc").partition(" ")
        if name != "ContentDate/Start":
            return 400, {"detail": "cannot sort so"}
        found = sorted(found, key=lambda record: record["start"], reverse=direction == "desc")
        skip, top = int(query.get("$skip", 0)), int(query.get("$top", 20))
        document = {"value": [self._product(record) for record in found[skip : skip + top]]}
        if skip + top < len(found):
            following = f"%24skip={skip + top}&%24top={top}&%24filter={quote(query.get('$filter', ''))}"
            document["@odata.nextLink"] = f"{self.url}?{following}"
        return 200, document

    def _product(self, record):
        footprint = shapely.box(*record["box"]).wkt
        return {
            "Id": f"uuid-{record['name']}",
            "Name": f"{record['name']}.SAFE",
            "ContentLength": 12345,
            "Online": record.get("online", True),
            "ContentDate": {"Start": record["start"], "End": record["end"]},
            "PublicationDate": record["end"],
            "ModificationDate": record["end"],
            "Footprint": f"geography'SRID=4326;{footprint}'",
            "Checksum": [],
            "Attributes": [
                {"Name": "productType", "Value": record["kind"], "ValueType": "String"},
                {"Name": "cloudCover", "Value": record["cloud"], "ValueType": "Double"},
                {"Name": "platformSerialIdentifier", "Value": "A", "ValueType": "String"},
            ],
            "Assets": [],
        }
