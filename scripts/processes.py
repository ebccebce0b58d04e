"""What `bench` and `chaos` share: programs bound to a CPU, ports nobody uses, and ending a process by its id."""

import os
import signal
import socket
import subprocess


def pinned(command, cpu):
    """The command on one CPU, where there are two; None: on any."""
    return command if cpu is None or (os.cpu_count() or 1) < 2 else ["taskset", "-c", str(cpu), *command]


def free_ports(n):
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def end(process, gently=signal.SIGTERM):
    """Ends it, stopped or not; by force where five seconds of `gently` are not enough. None: nothing to do."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.send_signal(gently)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
