"""The network the comparison runs on: loopback, with one congestion control for every proxy.

Where a system's default is BBR, each packet arms a timer, which is dear and which weir avoids on loopback (lib/net/socket.hpp).
The peers cannot, and a comparison shall not rest on that. So the run moves to a network namespace of its own that has Reno,
where it may make one (as root) and where the default is one that paces; elsewhere it says what it found.
"""

import os
import shutil
import subprocess
import sys

MOVED = "WEIR_BENCH_NAMESPACE"
CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"
PACING = ("bbr",)


def congestion_control():
    with open(CONTROL) as f:
        return f.read().strip()


def level():
    """Starts this program again in the namespace, or returns if there is no need to or no way; then there is a warning."""
    if os.environ.get(MOVED):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with open(CONTROL, "w") as f:
            f.write("reno")
        return None
    if congestion_control() not in PACING:
        return None
    if os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip"):
        os.environ[MOVED] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, "scripts/bench", *sys.argv[1:]])
    return (f"the peers' sockets use {congestion_control()}, weir's on loopback do not: bulk and large replies are not comparable"
            " (as root, the bench gives all the same)")
