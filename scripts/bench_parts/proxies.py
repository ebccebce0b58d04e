"""The proxies under comparison: their configurations, and starting and ending them by process id.

All do the same work with the same number of workers: HTTP and HTTPS to one server over kept-alive connections, and plain
TCP. Everything else is each program's default, but for the peers' limits of connections, which are too low for 10,000 idle ones,
and for TLS, where all get the same certificates, versions, ciphers and curves. nginx gets the directives that its own manual
asks for to keep server connections alive.
"""

import glob
import os
import shutil
import socket
import subprocess
import time

from processes import end, free_ports, pinned

LOAD_CPU, PROXY_CPU = 1, 0

TLS_NAME = "bench.test"
KEYS = {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"], "rsa4096": ["rsa:4096"]}
# What weir has by default, spelled out for the peers.
CIPHERS = ":".join(f"ECDHE-{key}-{cipher}" for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
                   for key in ("ECDSA", "RSA"))
CURVES = "X25519:P-256:P-384"


def found(name):
    """The path of a program; Debian's servers are in directories that a user's PATH may lack."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")


def certificates(directory):
    """{kind of key: file with a certificate and its key}, self-signed; made where they are not there yet."""
    directory = os.path.abspath(os.path.join(directory, "certificates"))
    os.makedirs(directory, exist_ok=True)
    files = {}
    for kind, newkey in KEYS.items():
        files[kind] = os.path.join(directory, kind + ".pem")
        if os.path.exists(files[kind]):
            continue
        key, made = os.path.join(directory, kind + ".key"), os.path.join(directory, kind + ".new")
        subprocess.run(["openssl", "req", "-x509", "-newkey", *newkey, "-nodes", "-keyout", key, "-out", made, "-days", "365",
                        "-subj", f"/CN={TLS_NAME}", "-addext", f"subjectAltName=DNS:{TLS_NAME}"], check=True, capture_output=True)
        with open(made, "a") as both, open(key) as f:
            both.write(f.read())
        os.rename(made, files[kind])
        os.unlink(key)
    return files


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


class Proxy:
    """One proxy: `http`, `echo`, `source` and `https_` with each kind of key are its ports; a port is None for what it cannot do."""

    def __init__(self, name, directory, origins, workers=1, cpu=PROXY_CPU, traced=False):
        """`cpu`: which it is bound to; None: none. `traced`: it will be slower than those who ask, and shall not shed them."""
        self.name, self.origins, self.workers, self.cpu, self.traced = name, origins, workers, cpu, traced
        self.certificates = certificates(directory)
        self.directory = os.path.abspath(os.path.join(directory, name))
        os.makedirs(self.directory, exist_ok=True)
        self.process = None

    def start(self, wrapper=(), single_process=False):
        """`wrapper` goes before the command (valgrind). `single_process`: without nginx's master, for the same."""
        self.http, self.echo, self.source, *https = free_ports(3 + len(KEYS))
        self.tls_ports = dict(zip(KEYS, https))
        for kind, port in self.tls_ports.items():
            setattr(self, "https_" + kind, port)
        command = list(wrapper) + getattr(self, "_" + self.name)(single_process)
        log = open(os.path.join(self.directory, "output"), "wb")
        self.process = subprocess.Popen(pinned(command, self.cpu), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
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
        https = "".join(f"listen 127.0.0.1:{port} {{ tls {{ certificate {self.certificates[kind]}; }} route / web; }}\n"
                        for kind, port in self.tls_ports.items())
        path = self._write(f"""workers {self.workers};
access_log {log};
{"shed off;" if self.traced else ""}
drain lame_duck=0s deadline=1s;
listen 127.0.0.1:{self.http} {{ route / web; }}
{https}listen 127.0.0.1:{self.echo} {{ protocol tcp; default_backend echo; }}
listen 127.0.0.1:{self.source} {{ protocol tcp; default_backend source; }}
backend web {{ server {to['http']}; }}
backend echo {{ server {to['echo']}; }}
backend source {{ server {to['source']}; }}
""")
        return [weir_program(), "-f", path]

    def _haproxy(self, _single):
        logs = peers_log()
        to = self.origins
        https = "".join(f"    bind 127.0.0.1:{port} ssl crt {self.certificates[kind]} ssl-min-ver TLSv1.2 ciphers {CIPHERS} curves {CURVES}\n"
                        for kind, port in self.tls_ports.items())
        path = self._write(f"""global
    maxconn 12000
    no strict-limits
    nbthread {self.workers}
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
{https}    default_backend web
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
        location = """location / { proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; }"""
        https = "".join(f"""    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {self.certificates[kind]};
        ssl_certificate_key {self.certificates[kind]};
        {location}
    }}
""" for kind, port in self.tls_ports.items())
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
worker_processes {self.workers};
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
        {location}
    }}
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {CIPHERS};
    ssl_ecdh_curve {CURVES};
{https}}}
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
    """The three servers behind every proxy: HTTP, TCP echo, TCP source. On the load's CPU, or on any if `cpu` is None."""

    def __init__(self, source_bytes, cpu=LOAD_CPU):
        program = os.environ.get("WEIR_ORIGIN", "build/release/origin")
        self.processes, self.addresses = [], {}
        for kind, options in (("http", []), ("echo", ["--tcp-echo"]), ("source", ["--tcp-source", str(source_bytes)])):
            process = subprocess.Popen(pinned([program, *options], cpu), stdout=subprocess.PIPE, text=True)
            self.processes.append(process)
            line = process.stdout.readline()
            if not line.startswith("listening on "):
                raise SystemExit(f"bench: {program} does not start")
            self.addresses[kind] = line.split()[-1]

    def stop(self):
        for process in self.processes:
            end(process)
            process.stdout.close()
