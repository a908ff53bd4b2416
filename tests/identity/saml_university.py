"""A SAML identity provider as a university would run one: pysaml2, with a page to sign in on."""

import base64
import threading
from datetime import UTC, datetime, timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from saml2 import BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

PASSWORD_CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"


class SamlUniversity:
    """An identity provider on `localhost`, which is another site than the portal's `127.0.0.1`."""

    def __init__(self, folder) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _page_of(self))
        self.url = f"http://localhost:{self._http.server_port}"
        self.entity_id, self.sso_url = f"{self.url}/metadata", f"{self.url}/sso?tenant=1"
        self.folder = folder
        self.key, self.certificate = _key_pair(folder)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def knows(self, metadata: str) -> None:
        """Learn who asks, from what it tells about itself."""
        config = {
            "entityid": self.entity_id,
            "service": {
                "idp": {
                    "endpoints": {"single_sign_on_service": [(self.sso_url, BINDING_HTTP_REDIRECT)]},
                    "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_URI}},
                    "name_id_format": [NAMEID_FORMAT_PERSISTENT],
                }
            },
            "key_file": str(self.folder / "key.pem"),
            "cert_file": str(self.folder / "certificate.pem"),
            "metadata": {"inline": [metadata]},
        }
        self._server = Server(config=IdPConfig().load(config))

    def answer(self, location: str, name: str, *, edit=None, **attributes: str) -> dict[str, str]:
        """Return where the browser is sent with what, as `action` and the fields of a form.

        With `edit`, the unsigned response is changed by it as an element, and signed then.
        """
        query = {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}
        asked = self._server.parse_authn_request(query["SAMLRequest"], BINDING_HTTP_REDIRECT)
        told = self._server.response_args(asked.message)
        response = self._server.create_authn_response(
            identity={"uid": [name], "mail": [f"{name}@example.org"]}
            | {k: [v] for k, v in attributes.items()},
            in_response_to=told["in_response_to"],
            destination=told["destination"],
            sp_entity_id=told["sp_entity_id"],
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=f"person-{name}"),
            authn={"class_ref": PASSWORD_CLASS, "authn_auth": self.url},
            sign_response=edit is None,
            sign_assertion=edit is None,
            sign_alg=SIG_RSA_SHA256,
            digest_alg=DIGEST_SHA256,
        )
        text = str(response).encode()
        if edit is not None:
            root = etree.fromstring(text)
            edit(root)
            text = self.seal(root)
        fields = {"SAMLResponse": base64.b64encode(text).decode(), "RelayState": query.get("RelayState", "")}
        return {"action": told["destination"]} | fields

    def seal(self, root, *, assertion: bool = True, message: bool = True) -> bytes:
        """Sign a response and its assertion."""
        if assertion:
            inner = root.find(f"{SAML}Assertion")
            signed = OneLogin_Saml2_Utils.add_sign(etree.tostring(inner), self.key, self.certificate)
            root.replace(inner, etree.fromstring(signed))
        return self._sign(root) if message else etree.tostring(root)

    def _sign(self, root) -> bytes:
        signed = OneLogin_Saml2_Utils.add_sign(etree.tostring(root), self.key, self.certificate)
        return signed if isinstance(signed, bytes) else signed.encode()


def _page_of(university):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            name = parse_qs(urlsplit(self.path).query).get("name")
            if name is None:
                asked = parse_qs(urlsplit(self.path).query)
                hidden = "".join(
                    f'<input type="hidden" name="{key}" value="{escape(values[0])}">'
                    for key, values in asked.items()
                )
                body = f'<form action="/sso">{hidden}<input name="name"><button>Sign in</button></form>'
            else:
                fields = university.answer(self.path, name[0])
                hidden = "".join(
                    f'<input type="hidden" name="{key}" value="{escape(value)}">'
                    for key, value in fields.items()
                    if key != "action"
                )
                body = (
                    f'<form method="post" action="{fields["action"]}">{hidden}</form>'
                    "<script>document.forms[0].submit()</script>"
                )
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>University</title>{body}".encode())

        def log_message(self, *_arguments):
            pass

    return Page


def _key_pair(folder) -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "university.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "key.pem").write_bytes(private)
    (folder / "certificate.pem").write_bytes(public)
    return private.decode(), public.decode()
