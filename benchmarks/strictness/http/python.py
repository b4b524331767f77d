# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# http.server leaves the body to the handler; this one reads as much as content-length says.
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Accept(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "8")
        self.end_headers()
        self.wfile.write(b"accepted")

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Accept)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
