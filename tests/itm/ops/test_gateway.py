import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from gateway.__main__ import _parser
from gateway.demo import ready
from itm.config import Config, Demo
from itm.ops import gateway


def test_the_demo_has_one_and_its_command_is_real() -> None:
    """Beside the demo only, not with port 0; the words parse with the other program's own parser."""
    assert gateway.children(Config(), 7) == []
    config = Config(state="s", demo=Demo(enabled=True, gateway_port=1234))
    assert gateway.children(replace(config, demo=Demo(enabled=True, gateway_port=0)), 7) == []
    [child] = gateway.children(config, 7)
    assert child.argv[:3] == (sys.executable, "-m", "gateway")
    parsed = _parser(child.argv[3:4]).parse_args(child.argv[3:])
    assert isinstance(parsed, argparse.Namespace)
    assert (parsed.port, parsed.supervisor, parsed.state) == (1234, 7, gateway.state(config))


def test_only_the_running_process_is_believed(tmp_path: Path) -> None:
    """No file, a broken one, or another process's: not ready. Both programs know the file by one name."""
    assert gateway.READY_FILE == ready.READY_FILE
    assert gateway.greeting(tmp_path, 42) == ""
    file = tmp_path / gateway.READY_FILE
    for broken in ("", "[]", "{}", '{"pid": 42}'):
        file.write_text(broken)
        assert gateway.greeting(tmp_path, 42) == ""
    file.write_text(json.dumps({"pid": 42, "text": "try this"}))
    assert gateway.greeting(tmp_path, 43) == ""
    assert gateway.greeting(tmp_path, None) == ""
    assert gateway.greeting(tmp_path, 42) == "try this"
