"""`cases.egress`: where the portal may call, and what it survives when it does."""

import itertools
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from cases import egress

NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 100.100.100.200 127.0.0.1
127.1.2.3 127.255.255.254 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255
192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255
198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::127.0.0.1 ::10.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::ffff:100.64.0.1 ::ffff:0:127.0.0.1 ::ffff:0:0:1 ::ffff:0:8.8.8.8 64:ff9b::127.0.0.1
64:ff9b::a9fe:a9fe 64:ff9b::10.1.1.1 64:ff9b:1::1 64:ff9b:1::8.8.8.8 2002:7f00:1:: 2002:a00:1::1
2002:a9fe:a9fe::1 2002:c0a8:101::1 2002:6440:1::1 2001:0:7f00:1::1
2001:0:4136:e378:8000:63bf:80ff:fffe 2001:db8::1 2001:2::1 2001:10::1 2001:20::1 3fff::1
fc00::1 fd00:ec2::254 fdff::1 fe80::1
fe80::1%eth0 fe80::5efe:10.0.0.1 2600::5efe:10.0.0.1 2600::200:5efe:192.168.0.1 fec0::1 ff02::1
ff0e::1 100::1 5f00::1 4000::1 e000::1
""".split()  # noqa: SIM905

PUBLIC = """
8.8.8.8 1.1.1.1 93.184.216.34 172.32.0.1 100.63.255.255 100.128.0.1 192.0.1.1 198.20.0.1
2606:4700:4700::1111 2a00:1450:4001:81b::200e ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1
""".split()  # noqa: SIM905


@pytest.fixture(autouse=True)
def closed(settings):
    """The rules as a deployment has them when nobody sets anything."""
    settings.EGRESS_SCHEMES = ["https"]
    settings.EGRESS_PORTS = [443, 8443]
    settings.EGRESS_HOSTS = []
    settings.EGRESS_ALLOW_PRIVATE = []
    settings.EGRESS_CA_FILE = ""


def test_there_are_enough_address_forms_to_mean_something():
    assert len(set(NOT_PUBLIC)) >= 60


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(address):
    assert not egress.is_public(address)
    with pytest.raises(egress.Refused):
        egress.resolve("https://hooks.example.org/", resolver=lambda host, port: [address])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_accepted(address):
    assert egress.is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "127.0.0.1.",
        "⑯⑨.254.⑯⑨.254",
        "127。0。0。1",
    ],
)
def test_the_systems_own_spellings_of_loopback_do_not_get_through(host):
    with pytest.raises((egress.Refused, egress.Unreachable)):
        egress.resolve(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "//hooks.example.org/",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "gopher://hooks.example.org/",
        "http://hooks.example.org/",
        "https://user@hooks.example.org/",
        "https://user:pw@hooks.example.org/",
        "https://hooks.example.org:22/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org:x/",
        "https:///path",
        "https://hooks.example.org\\@127.0.0.1/",
        "https://hooks.example.org/\r\nHost: x",
        "https://hooks.example.org/a b",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://exa_mple..org/" + "x" * 3000,
        "https://a b.example.org/",
        "https://<script>.example.org/",
    ],
)
def test_a_url_of_another_form_is_refused_before_any_lookup(url):
    def resolver(host, port):
        raise AssertionError("looked up")

    with pytest.raises(egress.Refused):
        egress.resolve(url, resolver=resolver)


def test_one_private_address_among_public_ones_refuses_them_all():
    with pytest.raises(egress.Refused):
        egress.resolve("https://h.example.org/", resolver=lambda h, p: ["8.8.8.8", "10.0.0.1"])


def test_the_list_of_hosts_is_matched_by_whole_labels(settings):
    settings.EGRESS_HOSTS = ["hooks.example.org", ".flux.example"]
    public = {"resolver": lambda host, port: ["8.8.8.8"]}

    assert egress.resolve("https://hooks.example.org/", **public).host == "hooks.example.org"
    assert egress.resolve("https://eu.FLUX.example/x", **public).host == "eu.flux.example"
    for host in ("evilhooks.example.org", "hooks.example.org.evil.com", "evilflux.example"):
        with pytest.raises(egress.Refused):
            egress.resolve(f"https://{host}/", **public)


def test_a_name_that_changes_its_address_is_called_at_the_address_that_was_checked(monkeypatch):
    """Rebinding: public when checked, loopback when asked again. Nobody asks again."""
    answers = itertools.chain([["8.8.8.8"]], itertools.repeat(["127.0.0.1"]))
    lookups, connections = [], []

    def resolver(host, port):
        lookups.append(host)
        return next(answers)

    def connect(address, timeout):
        connections.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(egress.socket, "create_connection", connect)
    with pytest.raises(egress.Unreachable):
        egress.send("POST", "https://rebind.example.org/", resolver=resolver)

    assert lookups == ["rebind.example.org"]
    assert connections == [("8.8.8.8", 443)]


def test_only_the_exact_private_receiver_that_was_listed_is_called(settings, listener):
    settings.EGRESS_ALLOW_PRIVATE = [f"127.0.0.1:{listener.port}"]
    listener.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    answer = egress.send("POST", f"http://127.0.0.1:{listener.port}/in", body=b"{}")

    assert (answer.status, answer.body, answer.address) == (200, b"ok", "127.0.0.1")
    assert b"Host: 127.0.0.1:%d\r\n" % listener.port in listener.received
    for other in (f"http://localhost:{listener.port}/", f"http://127.0.0.1:{listener.port + 1}/"):
        with pytest.raises(egress.Refused):
            egress.send("POST", other)


def test_a_redirect_is_an_answer_and_is_not_followed(settings, listener):
    settings.EGRESS_ALLOW_PRIVATE = [f"127.0.0.1:{listener.port}"]
    listener.answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n"

    answer = egress.send("GET", f"http://127.0.0.1:{listener.port}/")

    assert answer.status == 302
    assert listener.connections == 1


@pytest.mark.parametrize("drip", [None, b"H", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_receiver_that_hangs_or_drips_is_cut_off(settings, listener, drip):
    settings.EGRESS_ALLOW_PRIVATE = [f"127.0.0.1:{listener.port}"]
    listener.drip, listener.answer = 0.05, (drip or b"") + b"x" * 2000
    if drip is None:
        listener.answer = None
    began = time.monotonic()

    with pytest.raises(egress.Unreachable):
        egress.send("POST", f"http://127.0.0.1:{listener.port}/", seconds=0.5)

    assert time.monotonic() - began < 2


def test_a_body_that_drips_for_ever_is_cut_off_as_well(settings, listener):
    settings.EGRESS_ALLOW_PRIVATE = [f"127.0.0.1:{listener.port}"]
    listener.head, listener.drip = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 0.05
    listener.answer = b"x" * 5000
    began = time.monotonic()

    with pytest.raises(egress.Unreachable):
        egress.send("POST", f"http://127.0.0.1:{listener.port}/", seconds=0.5)

    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\xff\xfe",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9e9\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5000,
        b"HTTP/0.9 200 OK\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:50]),
)
def test_a_hostile_answer_ends_in_an_answer_or_in_unreachable(settings, listener, answer):
    settings.EGRESS_ALLOW_PRIVATE = [f"127.0.0.1:{listener.port}"]
    listener.answer = answer

    try:
        got = egress.send("POST", f"http://127.0.0.1:{listener.port}/", seconds=2)
    except egress.Unreachable:
        return
    assert isinstance(got.status, int)


def test_an_answer_that_is_too_long_is_cut(settings, listener):
    settings.EGRESS_ALLOW_PRIVATE = [f"127.0.0.1:{listener.port}"]
    listener.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900_000

    got = egress.send("POST", f"http://127.0.0.1:{listener.port}/", cap=1000)

    assert (got.status, len(got.body), got.truncated) == (200, 1000, True)


def test_a_header_cannot_smuggle_another(settings, listener):
    settings.EGRESS_ALLOW_PRIVATE = [f"127.0.0.1:{listener.port}"]
    with pytest.raises(egress.Refused):
        egress.send("GET", f"http://127.0.0.1:{listener.port}/", headers={"A": "b\r\nC: d"})


def test_a_name_that_cannot_be_looked_up_in_time_is_unreachable():
    with pytest.raises(egress.Unreachable):
        egress.resolve(
            "https://slow.example.org/", resolver=lambda h, p: time.sleep(3) or [], seconds=0.1
        )


class Listener:
    """A receiver that says exactly what it is told to, byte by byte if asked."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.connections, self.received = 0, b""
        self.head, self.answer, self.drip = b"", b"", 0.0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        self.sock.settimeout(0.1)
        while not self.stop.is_set():
            try:
                peer, _ = self.sock.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self.connections += 1
            with peer:
                self._talk(peer)

    def _talk(self, peer):
        try:
            peer.settimeout(5)
            self.received = peer.recv(65536)
            if self.answer is None:
                self.stop.wait(5)
            elif self.drip:
                peer.sendall(self.head)
                for byte in self.answer:
                    peer.sendall(bytes([byte]))
                    if self.stop.wait(self.drip):
                        return
            else:
                peer.sendall(self.answer)
        except OSError:
            pass


@contextmanager
def listening():
    listener = Listener()
    try:
        yield listener
    finally:
        listener.stop.set()
        listener.sock.close()
        listener.thread.join(2)


@pytest.fixture
def listener():
    with listening() as it:
        yield it
