"""Free ports of loopback for servers of tests; as a program, prints one.

A port that the system gives for the asking is free again once the one who asked lets go, and until the
server has taken it the system may give it to a connection or to the next test that asks. These lie below
those that Linux gives away, and each is claimed for as long as this process lives, by an abstract name
that tests in C claim as well (tests/store/servers.c).
"""
import os
import socket

PORT_MIN, PORT_MAX = 12000, 22000

_claims = []
_last = PORT_MIN + os.getpid() * 7 % (PORT_MAX - PORT_MIN)


def _is_claimed(port):
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0pz-test-port-{port}")
    except OSError:
        name.close()
        return False
    _claims.append(name)
    return True


def _is_free(port):
    with socket.socket() as door:
        try:
            door.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    global _last
    for _ in range(1000):
        _last = PORT_MIN if _last >= PORT_MAX else _last + 1
        if _is_free(_last) and _is_claimed(_last):
            return _last
    raise RuntimeError("no free port")


if __name__ == "__main__":
    print(free_port())
