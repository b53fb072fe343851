"""Measures what docs/speed.md says. Started by benches/run.

A time alone says little on a machine that is shared, so what is compared is measured in turn, in one run, on one
server; the ratio of each round is shown and the median is the result.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import boto3

import fill

BUCKET = "speed"
KEYS = {"access": "benchmark", "secret": "benchmark-secret"}
IDLE_S = 0.1  # a longer silence between two exchanges is waiting for a lock to end


def measured(command, env=None):
    """Runs a command: its exit code, output, wall and CPU seconds, and peak resident memory in MB (10^6 bytes).

    The peak is VmHWM, read until the process is gone; wait4's would count the memory of this Python before exec.
    """
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env)
        peak = 0
        while True:
            with contextlib.suppress(OSError), open(f"/proc/{process.pid}/status") as status:
                found = re.search(r"VmHWM:\s+(\d+) kB", status.read())
                peak = max(peak, int(found[1]) if found else 0)
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return {
            "code": process.returncode,
            "output": out.read().decode(errors="replace"),
            "seconds": seconds,
            "cpu": usage.ru_utime + usage.ru_stime,
            "rss_mb": peak * 1024 / 1e6,
        }


@contextlib.contextmanager
def serving(command, listens, env=None):
    """Starts a server, gives its endpoint once its output says `listens` (a pattern with one group), and ends it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    try:
        for line in process.stdout:
            if found := re.search(listens, line):
                yield found[1]
                return
        sys.exit(f"error: {command[0]} did not start")
    finally:
        process.terminate()
        process.wait()


def scan(binary, endpoint, directory, versions):
    """One scan of the whole bucket, outputs and their signatures included. It has to have seen everything."""
    env = {**os.environ, "MINIO_ACCESS_KEY": KEYS["access"], "MINIO_SECRET_KEY": KEYS["secret"]}
    output = tempfile.mkdtemp(dir=directory)
    command = [binary, "scan", f"s3://{BUCKET}", "--endpoint-url", endpoint, "--mode", "compliance"]
    found = measured([*command, "--quiet", "--output", output], env)
    with contextlib.suppress(OSError, ValueError):
        with open(os.path.join(output, "results.json")) as record:
            found["scan"] = json.load(record)["scan"]
    seen = found.get("scan") or {}
    if found["code"] != 0 or not seen.get("complete") or seen.get("versions") != versions:
        sys.exit(f"error: the scan did not see {versions} protected versions:\n{found['output']}")
    return found


def loop(endpoint, most):
    """The boto3 loop over the first `most` versions."""
    here = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, os.path.join(here, "boto3_loop.py"), "--endpoint", endpoint]
    command += ["--access-key", KEYS["access"], "--secret-key", KEYS["secret"]]
    found = measured([*command, "--bucket", BUCKET, "--most", str(most)])
    if found["code"] != 0:
        sys.exit(f"error: the boto3 loop failed:\n{found['output']}")
    told = json.loads(found["output"])
    if told["locked"] != most:
        sys.exit(f"error: the boto3 loop saw {told['locked']} locked versions of {most}")
    return {**found, "seconds": told["seconds"]}


def gate(binary, endpoint, directory, times=5):
    """Median seconds of `scan --exact` on one object, outputs included: what a gate in CI waits for."""
    env = {**os.environ, "MINIO_ACCESS_KEY": KEYS["access"], "MINIO_SECRET_KEY": KEYS["secret"]}
    command = [binary, "scan", f"s3://{BUCKET}/{fill.key(0)}", "--exact", "--endpoint-url", endpoint, "--quiet"]
    all_found = [measured([*command, "--output", tempfile.mkdtemp(dir=directory)], env) for _ in range(times)]
    if any(found["code"] != 0 for found in all_found):
        sys.exit(f"error: the gate did not pass:\n{all_found[0]['output']}")
    return {word: statistics.median(found[word] for found in all_found) for word in ["seconds", "cpu"]}


def compare(name, binary, endpoint, directory, versions, sample, rounds):
    """Fills a bucket; then boto3 on a part and the scan of the whole, in turn."""
    began = time.perf_counter()
    fill.fill(endpoint, KEYS["access"], KEYS["secret"], BUCKET, versions)
    say(f"{name}: {versions} locked versions written in {time.perf_counter() - began:.0f} s")
    result = {"versions": versions, "sample": sample, "rounds": []}
    for number in range(rounds):
        slow = loop(endpoint, sample)
        fast = scan(binary, endpoint, directory, versions)
        row = {
            "boto3_versions_per_s": sample / slow["seconds"],
            "scan_versions_per_s": versions / fast["seconds"],
            "boto3_cpu_us": slow["cpu"] / sample * 1e6,
            "scan_cpu_us": fast["cpu"] / versions * 1e6,
            "scan_seconds": fast["seconds"],
            "scan_rss_mb": fast["rss_mb"],
            "lookups": fast["scan"]["lookups"],
        }
        row["ratio"] = row["scan_versions_per_s"] / row["boto3_versions_per_s"]
        result["rounds"].append(row)
        say(
            f"{name}, round {number + 1}: boto3 {row['boto3_versions_per_s']:,.0f} versions/s, "
            f"scan {row['scan_versions_per_s']:,.0f} versions/s, ratio {row['ratio']:.1f}, "
            f"peak {row['scan_rss_mb']:.0f} MB, {row['lookups']} lookups"
        )
    for word in ["ratio", "boto3_versions_per_s", "scan_versions_per_s", "scan_seconds", "boto3_cpu_us", "scan_cpu_us"]:
        result[word] = statistics.median(row[word] for row in result["rounds"])
    result["scan_rss_mb"] = max(row["scan_rss_mb"] for row in result["rounds"])
    result["gate"] = gate(binary, endpoint, directory)
    return result


def suite(name, binary, arguments, directory, rounds):
    """The whole audit. Waiting is every silence between two exchanges that is longer than IDLE_S: while one scenario
    waits for a lock to end, others go on, and only the time in which nothing at all was sent is taken off."""
    result = {"rounds": []}
    for number in range(rounds):
        output = tempfile.mkdtemp(dir=directory)
        found = measured([binary, "audit", *arguments, "--quiet", "--output", output])
        try:
            with open(os.path.join(output, "results.json")) as record:
                record = json.load(record)
        except OSError:
            sys.exit(f"error: the audit of {name} left no record:\n{found['output']}")
        virtual = record["times"]["clock"] == "virtual"
        row = {
            "seconds": found["seconds"],
            "cpu": found["cpu"],
            "rss_mb": found["rss_mb"],
            "waited": 0.0 if virtual else silence(record),
            "assessed": record["assessed"],
            "planned": record["planned"],
            "exchanges": sum("exchange" in event["what"] for event in record["events"]),
        }
        row["busy"] = row["seconds"] - row["waited"]
        result["rounds"].append(row)
        say(
            f"{name}, round {number + 1}: {row['seconds']:.2f} s, of which {row['waited']:.1f} s waiting for locks to end; "
            f"{row['assessed']} of {row['planned']} scenarios assessed, {row['exchanges']} exchanges"
        )
    for word in ["seconds", "busy", "waited", "cpu"]:
        result[word] = statistics.median(row[word] for row in result["rounds"])
    return result


def silence(record):
    """Seconds in which no request was under way, between the first and the last."""
    spans = []
    for event in record["events"]:
        if exchange := event["what"].get("exchange"):
            digits = re.sub(r"(\.\d{6})\d*Z$|Z$", r"\1+00:00", exchange["sent_at"])
            began = datetime.datetime.fromisoformat(digits).timestamp()
            spans.append((began, began + exchange["elapsed_us"] / 1e6))
    spans.sort()
    total, end = 0.0, spans[0][1] if spans else 0.0
    for began, ended in spans:
        if began - end > IDLE_S:
            total += began - end
        end = max(end, ended)
    return total


def say(text):
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


def table(result):
    """The results beside what was asked for."""
    rows = []
    for name, words in [("embedded", "embedded server"), ("minio", "MinIO")]:
        if scanned := result["scan"].get(name):
            asked = name == "embedded"
            rows.append((f"scan : boto3 loop, {words}", f"{scanned['ratio']:.1f} : 1", "at least 10 : 1" if asked else ""))
            rows.append(("  scan, versions/s", f"{scanned['scan_versions_per_s']:,.0f}", ""))
            rows.append((f"  boto3, versions/s (of {scanned['sample']:,})", f"{scanned['boto3_versions_per_s']:,.0f}", ""))
            rows.append(("  client CPU a version, scan / boto3", f"{scanned['scan_cpu_us']:.0f} / {scanned['boto3_cpu_us']:.0f} µs", ""))
            limit = "below 150 MB" if asked else ""
            rows.append((f"  scan of {scanned['versions']:,} versions, peak memory", f"{scanned['scan_rss_mb']:.0f} MB", limit))
            alone = scanned["gate"]
            rows.append(("  gate for one object, wall / CPU", f"{alone['seconds']:.2f} / {alone['cpu']:.2f} s", ""))
        if ran := result["suite"].get(name):
            limit = "under 3 s" if name == "embedded" else "under 20 s"
            rows.append((f"whole suite, {words}, waiting apart", f"{ran['busy']:.2f} s", limit))
            rows.append(("  waiting for locks to end", f"{ran['waited']:.1f} s", ""))
            rows.append(("  CPU of the tool and of what it starts", f"{ran['cpu']:.2f} s", ""))
    wide = max(len(row[0]) for row in rows)
    head = f"{'measured (median of rounds)':<{wide}}  {'':>16}  asked for"
    return "\n".join([head, *(f"{a:<{wide}}  {b:>16}  {c}".rstrip() for a, b, c in rows)])


def processor():
    """The name of the processor."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as info:
        if found := re.search(r"model name\s*:\s*(.+)", info.read()):
            return found[1]
    return platform.machine()


def main():
    parser = argparse.ArgumentParser(prog="benches/run", description=__doc__)
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--versions", type=int, default=100_000, help="versions on the embedded server")
    parser.add_argument("--minio-versions", type=int, default=10_000, help="versions on MinIO")
    parser.add_argument("--sample", type=int, default=10_000, help="versions that the boto3 loop looks at")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE", help="the numbers for programs")
    args = parser.parse_args()
    binary = os.path.abspath(args.binary)
    minio = os.environ.get("WORMPROOF_TEST_MINIO")
    cores = len(os.sched_getaffinity(0))
    result = {
        "machine": {"cores": cores, "processor": processor(), "load_before": os.getloadavg()[0]},
        "python": platform.python_version(),
        "boto3": boto3.__version__,
        "scan": {},
        "suite": {},
    }
    say(f"{cores} cores ({result['machine']['processor']}), load {result['machine']['load_before']:.1f} before")
    with tempfile.TemporaryDirectory(prefix="wormproof-speed-") as directory:
        result["suite"]["embedded"] = suite("suite, embedded server", binary, [], directory, args.rounds)
        if minio:
            arguments = ["--target", "minio", "--minio-binary", minio]
            result["suite"]["minio"] = suite("suite, MinIO", binary, arguments, directory, 1)
        serve = [binary, "serve", "--port", "0", "--access-key", KEYS["access"], "--secret-key", KEYS["secret"]]
        with serving(serve, r"listening on (\S+)") as endpoint:
            sizes = (args.versions, min(args.sample, args.versions), args.rounds)
            result["scan"]["embedded"] = compare("scan, embedded server", binary, endpoint, directory, *sizes)
        if minio:
            data = os.path.join(directory, "minio")
            env = {**os.environ, "MINIO_ROOT_USER": KEYS["access"], "MINIO_ROOT_PASSWORD": KEYS["secret"]}
            port = free_port()
            serve = [minio, "server", data, "--address", f"127.0.0.1:{port}", "--console-address", "127.0.0.1:0"]
            with serving(serve, r"API: (http://127\.0\.0\.1:\d+)", env) as endpoint:
                sizes = (args.minio_versions, min(args.sample, args.minio_versions), args.rounds)
                result["scan"]["minio"] = compare("scan, MinIO", binary, endpoint, directory, *sizes)
        else:
            say("MinIO was not measured: WORMPROOF_TEST_MINIO names no binary")
    result["machine"]["load_after"] = os.getloadavg()[0]
    if args.json:
        with open(args.json, "w") as out:
            json.dump(result, out, indent=2)
    print(f"\n{table(result)}\n\n{cores} cores, {result['machine']['processor']}; load average "
          f"{result['machine']['load_before']:.1f} before and {result['machine']['load_after']:.1f} after")


def free_port():
    """A port of the loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
