"""`wandb sweep` and `wandb agent` as docs/trackers.md has them, against a server on this machine that knows no more."""

import gzip
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WANDB = "from wandb.wandb_agent import Agent; Agent.POLL_INTERVAL = 0.2\nfrom wandb.cli.cli import cli; cli()"


class Server(ThreadingHTTPServer):
    """Keeps a sweep and gives each agent one trial of it: the first of each parameter's values."""

    config = ""
    given = False

    def answer(self, query, variables):
        if "UpsertSweep" in query:
            self.config = variables["config"]
            project = {"name": "graft", "entity": {"name": "me"}}
            return {"upsertSweep": {"sweep": {"name": "night", "project": project}, "configValidationWarnings": []}}
        if "SweepWithRuns" in query:
            return {"project": {"sweep": {"name": "night", "config": self.config, "runs": {"edges": []}}}}
        if "CreateAgent" in query:
            return {"createAgent": {"agent": {"id": "agent"}}}
        if "Heartbeat" in query:
            return {"agentHeartbeat": {"agent": {"id": "agent"}, "commands": json.dumps(self.orders(variables))}}
        return {"viewer": {"id": "1", "username": "me", "entity": "me"}}

    def orders(self, variables):
        if self.given:
            return [] if json.loads(variables["runState"]) else [{"type": "exit"}]
        self.given = True
        sweep = yaml.safe_load(self.config)
        chosen = {key: {"value": told.get("values", [told.get("min")])[0]} for key, told in sweep["parameters"].items()}
        return [{"type": "run", "run_id": "trial7", "program": sweep["program"], "args": chosen}]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(gzip.decompress(sent) if sent[:2] == b"\x1f\x8b" else sent)
        answer = json.dumps({"data": self.server.answer(asked["query"], asked.get("variables"))}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def wandb_command(tmp_path, tiny_task):
    """Runs a command of W&B's on a server of this machine; trials are of the tiny task, offline."""
    program = tmp_path / "bin" / "graft"
    program.parent.mkdir()
    tiny = [word for word in tiny_task if not word.startswith(("logger.wandb", "datamodule.batch_size"))]
    tiny += ["trainer.max_epochs=2", f"cache.folder={tmp_path}/features"]
    program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", "graft"])} "$@" {shlex.join(tiny)}\n')
    program.chmod(0o755)
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own = {"BASE_URL": f"http://127.0.0.1:{server.server_port}", "API_KEY": "abcdef0123" * 4, "MODE": "offline"}
    own |= {name: str(tmp_path / name.lower()) for name in ("CONFIG_DIR", "DATA_DIR", "CACHE_DIR")}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    environment |= {f"WANDB_{name}": value for name, value in own.items()}
    environment |= {"GRAFT_ROOT": str(tmp_path), "PATH": f"{program.parent}:{os.environ['PATH']}", "COLUMNS": "200"}

    def run(command):
        *before, words = re.fullmatch(r"((?:\w+=\S+ )*)wandb (.*)", command).groups()
        more = dict(word.split("=") for word in " ".join(before).split())
        typed = [sys.executable, "-c", WANDB, *shlex.split(words)]
        done = subprocess.run(typed, env=environment | more, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    yield run
    server.shutdown()
    server.server_close()


def test_a_trial_of_w_and_bs_own_sweep_is_a_run_with_its_values(wandb_command, tmp_path, read):
    page = (ROOT / "docs" / "trackers.md").read_text()
    sweep, agent = re.findall(r"^((?:\w+=\S+ )?wandb (?:sweep|agent) .*?)(?:\s+#.*)?$", page, re.MULTILINE)
    said = wandb_command(sweep.replace("docs/", f"{ROOT}/docs/"))
    assert "Run sweep agent with: wandb agent me/graft/night" in said
    said = wandb_command(agent.replace("<entity>/graft/<id>", "me/graft/night"))
    assert "ignored update" not in said, said
    (run,) = (status.parent for status in (tmp_path / "logs" / "runs").rglob("status.json"))
    assert read(run, "status.json")["state"] == "done"
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert (config["strategy"]["name"], config["optimizer"]["lr"]) == ("feature_extraction", 0.0001)
    assert (config["datamodule"]["batch_size"], config["test"]) == (16, False)
    assert not [name for name in read(run, "summary.json") if name.startswith("test/")]
    (offline,) = run.glob("wandb/offline-run-*-trial7")
    inspect = [Path(sys.executable).with_name("wandb"), "leet", "inspect", "--json", offline]
    inspected = subprocess.run(inspect, capture_output=True, text=True, check=True).stdout.splitlines()
    records = [json.loads(line) for line in inspected]
    (first,) = [record["run"] for record in records if record["type"] == "run"]
    assert (first["run_id"], first["sweep_id"]) == ("trial7", "night")
    assert (first["run_group"], first["job_type"]) == ("night", "trial")
    assert [record["history"]["item"]["val/auroc"] for record in records if "val/auroc" in str(record.get("history"))]
    assert not (tmp_path / "wandb").exists(), "what the agent writes down lies in logs"
