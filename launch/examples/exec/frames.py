#!/usr/bin/env python3
"""The oscillator of launch/examples/exec, without libcorsac_sim: it speaks the messages that
common/env/frame.h documents, over the socket that CORSAC_CHANNEL names. It needs nothing but Python.

corsac train --channel tcp --env 'exec:python3 frames.py'
"""
import os
import socket
import struct

OPEN, RESET, STEP, SAVE, LOAD, CLOSE, FAILED = range(1, 8)
DT, STIFFNESS, DAMPING = 0.05, 1.0, 0.1


def connect():
    kind, rest = os.environ["CORSAC_CHANNEL"].split(":", 1)
    where, key = rest.rsplit(":", 1)
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(where)
    else:
        host, port = where.rsplit(":", 1)
        connection = socket.create_connection((host.strip("[]"), int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(struct.pack("<8sII32s", b"corsac-1", 1, 0, key.encode()))
    magic, version, verdict = struct.unpack("<8sII", receive(connection, 16))
    if magic != b"corsac-1" or verdict != 0:
        raise SystemExit(f"corsac speaks version {version}")
    return connection


def receive(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise SystemExit("corsac is gone")
        data += part
    return data


def answer(connection, what, number, payload):
    connection.sendall(struct.pack("<IIQ", what, number, len(payload)) + payload)


def spec():
    names = [b"energy"] + 15 * [b""]
    return (struct.pack("<5I64s", 2, 1, 100, len([n for n in names if n]), 0, b"oscillator")
            + b"".join(struct.pack("<32s", n) for n in names) + bytes(16) + struct.pack("<dd", -1, 1))


def result(x, v, reward=0.0, energy=0.0):
    return struct.pack("<iIddff", 1 if energy > 10 else 0, 0, reward, energy, x, v)


def main():
    connection = connect()
    answer(connection, OPEN, 1, spec())
    x = v = 0.0
    while True:
        what, number, length = struct.unpack("<IIQ", receive(connection, 16))
        payload = receive(connection, length)
        if what == RESET:
            x, v = (struct.unpack_from("<Q", payload)[0] >> 11) * 2.0**-52 - 1, 0.0
            answer(connection, what, number, result(x, v))
        elif what == STEP:
            (force,) = struct.unpack("<f", payload)
            for _ in range(4):
                v += DT / 4 * (force - STIFFNESS * x - DAMPING * v)
                x += DT / 4 * v
            energy = (v * v + STIFFNESS * x * x) / 2
            answer(connection, what, number, result(x, v, -energy - 0.01 * force * force, energy))
        elif what == SAVE:
            answer(connection, what, number, struct.pack("<Q", 0))  # it cannot
        elif what == CLOSE:
            return
        else:
            answer(connection, FAILED, number, b"the oscillator loads no state")


main()
