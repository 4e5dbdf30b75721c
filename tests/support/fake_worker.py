"""A worker that does what its clients tell it: the other half of the supervisor's tests.

A client sends one line: `exit 3`, `kill 11`, `pid`, `start` (the start message), `settings` (the
newest), `resolve HOST PORT`, `log`, `odd` (messages nobody knows), `garbage` (no frame), `hangup`
(closes the channel and lives on), `deaf` (ignores drain and stop), `mute` (answers no snapshot),
`die_asked` (dies when asked for one) or `hold` (a lease: a drain waits until the client leaves). A
client that speaks PostgreSQL's protocol is let in and handed to the console.
"""

import base64
import json
import os
import signal
import socket
import sys
import threading

from pglane.control.columns_of_statistics import COUNTERS
from pglane.engine.channel import ChannelReader, receive, send_message

SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104


class FakeWorker:
    def __init__(self, control):
        self.control = control
        self.lock = threading.Lock()
        self.start = {}
        self.settings = {}
        self.listeners = []
        self.held = set()
        self.draining = False
        self.deaf = False
        self.on_asked = "answer"
        self.resolved = threading.Condition()
        self.answers = []

    def send(self, message, fds=()):
        with self.lock:
            send_message(self.control, message, fds)

    def run(self):
        reader = ChannelReader()
        while True:
            data, fds = receive(self.control)
            if not data:
                os._exit(0)
            reader.feed(data, fds)
            while (item := reader.next()) is not None:
                getattr(self, "on_" + item[0]["type"])(item[0])

    def on_start(self, message):
        self.start = message
        self.settings = message["settings"]
        at_start = os.environ.get("FAKE_WORKER_START", "")
        if at_start.startswith("exit"):
            os._exit(int(at_start.split()[1]))
        if at_start == "never_ready":
            return
        for each in message["listeners"]:
            sock = socket.socket(fileno=each["fd"])
            sock.setblocking(True)
            self.listeners.append(sock)
            self.thread(self.accept, sock, each["door"])
        self.send({"type": "ready"})

    def thread(self, target, *args):
        threading.Thread(target=target, args=args, daemon=True).start()

    def accept(self, listener, door):
        while not self.draining:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.thread(self.serve, client, door)

    def on_drain(self, _message):
        if self.deaf:
            return
        with self.lock:
            self.draining = True
            left = len(self.held)
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        if not left:
            self.finish()

    def on_leave(self, _message):
        if not self.deaf:
            self.finish()

    def on_command(self, message):
        """Does nothing, and says that it is done."""
        paused = [message["database"]] if message["verb"] == "PAUSE" else []
        self.send({"type": "command_held", "paused": paused, "disabled": []})
        self.send({"type": "command_done", "id": message["id"], "problem": "", "left": ""})

    def on_stop(self, _message):
        if not self.deaf:
            self.finish()

    def finish(self):
        self.send({"type": "stopped"})
        os._exit(0)

    def on_reload(self, message):
        self.settings = message["settings"]

    def on_resolved(self, message):
        with self.resolved:
            self.answers.append(message)
            self.resolved.notify_all()

    def on_snapshot(self, message):
        if self.on_asked == "mute":
            return
        if self.on_asked == "die_asked":
            os._exit(9)
        rows = [
            {"type": "C", "user": "ada", "port": number, "id": 2**40 + number, "link": ""}
            for number in range(3)
        ]
        if message["what"] == "lists":
            rows = [{"list": "users", "items": 2}]
        elif message["what"] == "traffic":
            rows = [{"database": "shop", **{counter.key: 0 for counter in COUNTERS}}]
        for row in rows[:-1]:
            self.send({"type": "snapshot_rows", "id": message["id"], "rows": [row], "last": False})
        last = {"type": "snapshot_rows", "id": message["id"], "rows": rows[-1:], "last": True}
        self.send(last)

    def serve(self, client, door):
        with client:
            first = client.recv(8, socket.MSG_PEEK)
            if first[:1] == b"\0":
                self.login(client, door)
            elif first:
                line = client.makefile("rb").readline().decode().split()
                answer = getattr(self, "do_" + line[0])(client, *line[1:])
                client.sendall(json.dumps(answer).encode() + b"\n")

    def login(self, client, door):
        stream = client.makefile("rb", buffering=0)
        while True:
            length = int.from_bytes(stream.read(4), "big")
            body = b""
            while len(body) < length - 4:
                body += stream.read(length - 4 - len(body))
            if int.from_bytes(body[:4], "big") not in {SSL_REQUEST, GSSENC_REQUEST}:
                break
            client.sendall(b"N")
        client.sendall(b"R\0\0\0\x08\0\0\0\0")
        # What the client sent beyond the login, when the test sent it in one go.
        client.setblocking(False)
        try:
            buffered = client.recv(65536)
        except BlockingIOError:
            buffered = b""
        message = {
            "type": "console",
            "user": "ada",
            "door": door,
            "client": "test",
            "minor": 0,
            "parameters": {},
            "buffered": base64.b64encode(buffered).decode(),
        }
        self.send(message, [client.fileno()])

    def do_pid(self, _client):
        return os.getpid()

    def do_exit(self, _client, code):
        os._exit(int(code))

    def do_kill(self, _client, number):
        os.kill(os.getpid(), int(number))
        signal.pause()

    def do_start(self, _client):
        return self.start

    def do_held(self, _client):
        return self.start["held"]

    def do_settings(self, _client):
        return self.settings

    def do_resolve(self, _client, host, port):
        with self.resolved:
            self.send({"type": "resolve", "host": host, "port": int(port)})
            self.resolved.wait_for(lambda: self.answers, 30)
            return self.answers.pop()

    def do_log(self, _client):
        event = {"type": "log", "level": "warning", "event": "from_worker", "text": "two\nlines"}
        self.send({**event, "fields": {"number": 1}})
        return "sent"

    def do_odd(self, _client):
        self.send({"type": "unheard_of"})
        self.send({"type": "resolve"})
        return "sent"

    def do_garbage(self, _client):
        self.control.sendall(b"\xff\xff\xff\xff")
        signal.pause()

    def do_hangup(self, _client):
        self.control.shutdown(socket.SHUT_WR)
        signal.pause()

    def do_deaf(self, _client):
        self.deaf = True
        return "deaf"

    def do_mute(self, _client):
        self.on_asked = "mute"
        return "mute"

    def do_die_asked(self, _client):
        self.on_asked = "die_asked"
        return "armed"

    def do_hold(self, client):
        with self.lock:
            self.held.add(client)
        client.sendall(b'"held"\n')
        while client.recv(100):
            pass
        with self.lock:
            self.held.discard(client)
            left = len(self.held)
        if self.draining and not left:
            self.finish()
        return "released"


def main():
    control = socket.socket(fileno=int(sys.argv[sys.argv.index("--control-fd") + 1]))
    control.setblocking(True)
    FakeWorker(control).run()


main()
