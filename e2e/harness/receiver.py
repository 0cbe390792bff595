"""A receiver of webhooks that is not always well, and remembers everything."""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import random
import sys
import threading
import time

# Of what comes for the first or second time, so much goes wrong.
TROUBLE = 0.08


def signed(secret, id, timestamp, body, signatures):
    """Whether one of `signatures` is right, by the specification of Standard Webhooks and no code of ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    right = "v1," + base64.b64encode(mac).decode()
    return any(hmac.compare_digest(right, one) for one in signatures.split(" "))


class Arrival:
    def __init__(self, path, id, body, wrong):
        self.path, self.id, self.body = path, id, body
        # What does not agree with the specification, or nothing.
        self.wrong = wrong

    @property
    def content(self):
        return json.loads(self.body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        # Clients here are killed in the middle of a request.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def stop(self):
        self.shutdown()
        self.server_close()


class Receiver:
    """Answers at `url`; what goes wrong follows from `seed`, the message's id and how often it has come."""

    def __init__(self, seed):
        self.seed, self.well = seed, False
        self.secrets = {}
        self.arrivals = []
        self.times = collections.Counter()
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.take(self)

            def log_message(self, *_):
                pass

        self.server = Server(Handler)

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def take(self, request):
        try:
            body = request.rfile.read(int(request.headers["Content-Length"]))
        except (OSError, TypeError, ValueError):
            return
        # A connection that breaks off, as with a sender that is killed, brought nothing.
        if len(body) != int(request.headers["Content-Length"]):
            request.close_connection = True
            return
        id = request.headers.get("webhook-id")
        arrival = Arrival(request.path, id, body, self._wrong(request, id, body))
        with self.lock:
            self.arrivals.append(arrival)
            self.times[request.path, id] += 1
            time_of = self.times[request.path, id]
        self._answer(request, random.Random(f"{self.seed} {id} {time_of}").random(), time_of)

    def _answer(self, request, chance, time_of):
        trouble = 0 if self.well or time_of > 2 else TROUBLE
        request.close_connection = chance < trouble
        try:
            if chance < trouble / 3:
                # It has been read, and the sender never knows.
                return
            request.send_response(500 if chance < trouble else 204)
            request.send_header("Content-Length", "0")
            request.end_headers()
        except OSError:
            # Whoever sent it is gone.
            request.close_connection = True

    def _wrong(self, request, id, body):
        secret = self.secrets.get(request.path)
        timestamp, signatures = (request.headers.get(f"webhook-{name}", "") for name in ("timestamp", "signature"))
        if not id or secret is None:
            return "no webhook-id, or nobody's path"
        if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > 60:
            return f"the webhook-timestamp {timestamp!r}"
        if not signed(secret, id, timestamp, body, signatures):
            return f"the webhook-signature {signatures!r}"
        return None

    def stop(self):
        self.server.stop()


class Website:
    """Pages, by path, at `port` of 127.0.0.1; whatever else is asked for, and posted, is answered with `status`."""

    def __init__(self, pages, status=404):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path)
                self.send_response(200 if page else status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write((page or "<p>There is nothing here.").encode())

            def do_POST(self):
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = Server(Handler)

    @property
    def port(self):
        return self.server.server_address[1]

    def stop(self):
        self.server.stop()
