import importlib
import subprocess
import sys
import types

import pytest

from gateway import __main__ as program
from gateway.errors import ConfigError


def command(run: object) -> types.SimpleNamespace:
    return types.SimpleNamespace(configure=lambda parser: parser.add_argument("--word"), run=run)


@pytest.fixture
def only_module(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Replace the import of a command's module; the dict records which one was asked for."""
    seen: dict[str, object] = {"run": lambda _: 0}

    def fake(name: str) -> types.SimpleNamespace:
        seen["imported"] = name
        return command(seen["run"])

    monkeypatch.setattr(program.importlib, "import_module", fake)
    return seen


def test_the_chosen_command_alone_is_imported(only_module: dict[str, object]) -> None:
    """`itm-gateway pops` must not wait for the other programs."""
    only_module["run"] = lambda args: 7 if args.word == "x" else 0
    assert program.main(["pops", "--word", "x"]) == 7
    assert only_module["imported"] == "gateway.cli.pops"


def test_our_own_errors_are_one_line(
    only_module: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """An error raised on purpose is one line on stderr, status 2, no traceback."""

    def fail(args: object) -> int:
        raise ConfigError("broker.listen: taken")

    only_module["run"] = fail
    assert program.main(["broker"]) == 2
    assert capsys.readouterr().err == "itm-gateway: broker.listen: taken\n"


def test_a_bug_keeps_its_traceback(only_module: dict[str, object]) -> None:
    """Nothing hides an exception we did not raise on purpose."""

    def fail(args: object) -> int:
        raise KeyError("bug")

    only_module["run"] = fail
    with pytest.raises(KeyError):
        program.main(["broker"])


def test_an_interrupt_is_a_quiet_status(only_module: dict[str, object]) -> None:
    """Ctrl-C in a client command ends it with the shell's usual status."""

    def interrupted(args: object) -> int:
        raise KeyboardInterrupt

    only_module["run"] = interrupted
    assert program.main(["pops"]) == 130


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`itm-gateway --help` lists the whole table."""
    with pytest.raises(SystemExit):
        program.main(["--help"])
    text = capsys.readouterr().out
    assert [name for name in program.COMMANDS if name not in text] == []


def test_no_command_is_a_usage_error() -> None:
    """Without a command there is nothing to do."""
    with pytest.raises(SystemExit) as caught:
        program.main([])
    assert caught.value.code == 2


@pytest.mark.parametrize("name", program.COMMANDS)
def test_every_command_has_its_two_functions(name: str) -> None:
    """Each module of the table exists and can be configured and run."""
    module = importlib.import_module(program.COMMANDS[name].module)
    assert callable(module.configure)
    assert callable(module.run)


def test_help_imports_no_heavy_library() -> None:
    """The command line starts fast: neither SQLAlchemy nor aiohttp for `--help`."""
    code = (
        "import sys\nfrom gateway.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('sqlalchemy', 'aiohttp', 'cryptography', 'itm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_two_words_are_one_command(only_module: dict[str, object]) -> None:
    """`connector` runs a program, `connector token` is the broker's."""
    assert program.main(["connector", "token"]) == 0
    assert only_module["imported"] == "gateway.cli.connector_token"
    assert program.main(["connector"]) == 0
    assert only_module["imported"] == "gateway.cli.connector"
