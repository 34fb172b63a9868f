"""A mail server for the tests: aiosmtpd in a process of its own, which prints each message it takes as a line of JSON.

usage: mail_server.py {plain|starttls|implicit} CERTIFICATE KEY USER PASSWORD [REFUSED ADDRESS]
The first line that it prints is its port.
"""
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, refused):
        self.refused = refused

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == self.refused:
            return "550 5.1.1 nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": session.auth_data.login.decode() if session.authenticated else None,
            "fields": {name: str(value) for name, value in message.items()},
            "defects": [str(defect) for defect in message.defects],
            "longest": max(len(line) for line in envelope.content.split(b"\r\n")),
            "body": message.get_content()}), flush=True)
        return "250 2.0.0 taken"


async def main(how, certificate, key, user, password, refused=None):
    context = None
    if how != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)

    def authenticate(server, session, envelope, mechanism, data):
        is_right = data.login.decode() == user and data.password.decode() == password
        return AuthResult(success=is_right, handled=False, auth_data=data)

    def make():
        return SMTP(Handler(refused), hostname="mail.test", authenticator=authenticate, loop=asyncio.get_running_loop(),
                    auth_require_tls=how == "starttls", auth_required=bool(user),
                    tls_context=context if how == "starttls" else None, require_starttls=how == "starttls")

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=context if how == "implicit" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
