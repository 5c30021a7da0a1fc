import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SUBSCRIPTIONS = [{"pubsubname": "orderpubsub", "topic": "orders", "route": "/events"}]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        if self.path == "/dapr/subscribe":
            self.answer(200, json.dumps(SUBSCRIPTIONS))
        else:
            self.answer(404, "")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if self.path == "/events":
            data = json.dumps(json.loads(body)["data"], separators=(",", ":"))
            print("Subscriber received: " + data, flush=True)
            self.answer(200, '{"status":"SUCCESS"}')
        elif self.path == "/orders":
            self.answer(200, body)
        else:
            self.answer(404, "")

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["APP_PORT"])), Handler).serve_forever()
