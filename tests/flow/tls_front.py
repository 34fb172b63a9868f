"""TLS in front of a Unix socket, for clients that show a certificate: how the Docker Engine API is offered by TCP."""
import pathlib
import socket
import ssl
import subprocess
import threading


class TlsFront:
    """Makes an authority, a certificate for 127.0.0.1 and one for the client (cert.pem, key.pem, ca.pem), and listens."""

    def __init__(self, directory, path):
        self.directory, self.path = pathlib.Path(directory), path
        self.make_certificates()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.pem", self.directory / "server-key.pem")
        context.load_verify_locations(self.directory / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=self.directory, check=True, capture_output=True)

    def make_certificates(self):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                     "/CN=test authority", "-keyout", "ca-key.pem", "-out", "ca.pem")
        for name, key, extension in (("server", "server-key", "subjectAltName=IP:127.0.0.1"),
                                     ("cert", "key", "extendedKeyUsage=clientAuth")):
            self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                         "-keyout", f"{key}.pem", "-out", f"{name}.csr")
            (self.directory / f"{name}.ext").write_text(extension)
            self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
                         "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain):
        try:
            client = self.context.wrap_socket(plain, server_side=True)
        except OSError:  # ssl.SSLError is one
            plain.close()
            return
        engine = socket.socket(socket.AF_UNIX)
        engine.connect(self.path)
        threading.Thread(target=self.copy, args=(engine, client), daemon=True).start()
        self.copy(client, engine)

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
