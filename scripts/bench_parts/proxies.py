"""The proxies under comparison: their configurations, and starting and ending them by process id.

All do the same work with one worker: HTTP to one server over kept-alive connections, and plain TCP. Everything else
is each program's default, but for the peers' limits of connections, which are too low for 10,000 idle ones. nginx gets the directives that its own manual asks for to keep server connections alive.
"""

import glob
import os
import shutil
import socket
import subprocess
import time

LOAD_CPU, PROXY_CPU = 1, 0


def found(name):
    """The path of a program; Debian's servers are in directories that a user's PATH may lack."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")


def pinned(command, cpu):
    """The command on one CPU, where there are two."""
    return ["taskset", "-c", str(cpu)] + command if (os.cpu_count() or 1) > 1 else command


def free_ports(n):
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def wait_until_listening(port, process, what):
    for _ in range(1000):
        if process.poll() is not None:
            raise SystemExit(f"bench: {what} ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"bench: {what} does not listen on port {port}")


def end(process):
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Proxy:
    """One proxy: `http`, `echo` and `source` are its ports; a port is None for what it cannot do."""

    def __init__(self, name, directory, origins):
        self.name, self.origins = name, origins
        self.directory = os.path.abspath(os.path.join(directory, name))
        os.makedirs(self.directory, exist_ok=True)
        self.process = None

    def start(self, wrapper=(), single_process=False):
        """`wrapper` goes before the command (valgrind). `single_process`: without nginx's master, for the same."""
        self.http, self.echo, self.source = free_ports(3)
        command = list(wrapper) + getattr(self, "_" + self.name)(single_process)
        log = open(os.path.join(self.directory, "output"), "wb")
        self.process = subprocess.Popen(pinned(command, PROXY_CPU), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        wait_until_listening(self.http, self.process, f"{self.name} (see {self.directory}/output)")

    def stop(self):
        if self.process:
            end(self.process)
        self.process = None

    def _write(self, text):
        path = os.path.join(self.directory, "conf")
        with open(path, "w") as f:
            f.write(text)
        return path

    def _weir(self, _single):
        log = weir_log(self.directory)
        to = self.origins
        path = self._write(f"""workers 1;
access_log {log};
drain lame_duck=0s deadline=1s;
listen 127.0.0.1:{self.http} {{ route / web; }}
listen 127.0.0.1:{self.echo} {{ protocol tcp; default_backend echo; }}
listen 127.0.0.1:{self.source} {{ protocol tcp; default_backend source; }}
backend web {{ server {to['http']}; }}
backend echo {{ server {to['echo']}; }}
backend source {{ server {to['source']}; }}
""")
        return [weir_program(), "-f", path]

    def _haproxy(self, _single):
        logs = peers_log()
        to = self.origins
        path = self._write(f"""global
    maxconn 12000
    no strict-limits
    nbthread 1
    {'log stdout format raw local0' if logs else ''}
defaults
    mode http
    {'log global' if logs else ''}
    {'option httplog' if logs else ''}
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    http-reuse always
frontend http
    maxconn 12000
    bind 127.0.0.1:{self.http}
    default_backend web
backend web
    server one {to['http']}
listen echo
    mode tcp
    {'option tcplog' if logs else ''}
    option splice-auto
    bind 127.0.0.1:{self.echo}
    server one {to['echo']}
listen source
    mode tcp
    {'option tcplog' if logs else ''}
    option splice-auto
    bind 127.0.0.1:{self.source}
    server one {to['source']}
""")
        return [found("haproxy"), "-db", "-f", path]

    def _nginx(self, single):
        module, to, here = nginx_stream_module(), self.origins, self.directory
        log = f"{here}/access.log combined" if peers_log() else "off"
        if module is None:
            self.echo = self.source = None
            stream = load = ""
        else:
            load = f"load_module {module};" if module else ""
            stream = f"""stream {{
    server {{ listen 127.0.0.1:{self.echo}; proxy_pass {to['echo']}; }}
    server {{ listen 127.0.0.1:{self.source}; proxy_pass {to['source']}; }}
}}"""
        path = self._write(f"""{load}
daemon off;
master_process {'off' if single else 'on'};
{'user root;' if os.geteuid() == 0 else ''}
worker_processes 1;
pid {here}/pid;
error_log {here}/errors warn;
events {{ worker_connections 12000; }}
http {{
    access_log {log};
    client_body_temp_path {here}/client;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    proxy_max_temp_file_size 0;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    upstream web {{ server {to['http']}; keepalive 128; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{self.http} backlog=4096;
        location / {{ proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
{stream}
""")
        return [found("nginx"), "-p", here, "-e", f"{here}/errors", "-c", path]


def peers_log():
    return os.environ.get("PEERLOG") == "1"


def weir_log(directory):
    """Where weir logs to: nowhere, or a file when the peers, too, write to one."""
    return os.environ.get("WEIRLOG") or (f"{directory}/access.log" if peers_log() else "/dev/null")


def weir_program():
    return os.environ.get("WEIR", "build/release/weir")


def nginx_stream_module():
    """Path of nginx's TCP module, "" if it is built in, None if it is not there (Debian: libnginx-mod-stream)."""
    configured = subprocess.run([found("nginx"), "-V"], capture_output=True, text=True).stderr
    if "--with-stream " in configured + " ":
        return ""
    named = os.environ.get("NGINX_STREAM_MODULE")
    return next(iter(([named] if named else []) + glob.glob("/usr/lib*/nginx/modules/ngx_stream_module.so")), None)


def chosen():
    """The names asked for by PROXIES, or those that are there; weir first."""
    there = {"weir": os.access(weir_program(), os.X_OK), "haproxy": found("haproxy"), "nginx": found("nginx")}
    names = os.environ.get("PROXIES", "").split() or [name for name in there if there[name]]
    for name in names:
        if not there.get(name):
            raise SystemExit(f"bench: no {name} here" + (f" ({weir_program()})" if name == "weir" else ""))
    return names


class Origins:
    """The three servers behind every proxy: HTTP, TCP echo, TCP source. On the load's CPU."""

    def __init__(self, source_bytes):
        program = os.environ.get("WEIR_ORIGIN", "build/release/origin")
        self.processes, self.addresses = [], {}
        for kind, options in (("http", []), ("echo", ["--tcp-echo"]), ("source", ["--tcp-source", str(source_bytes)])):
            process = subprocess.Popen(pinned([program, *options], LOAD_CPU), stdout=subprocess.PIPE, text=True)
            self.processes.append(process)
            line = process.stdout.readline()
            if not line.startswith("listening on "):
                raise SystemExit(f"bench: {program} does not start")
            self.addresses[kind] = line.split()[-1]

    def stop(self):
        for process in self.processes:
            end(process)
            process.stdout.close()
