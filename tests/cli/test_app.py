from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import ignite_delayed
from ignite_delayed.cli import main


def python(code: str, **keywords: object) -> subprocess.CompletedProcess[str]:
    order = [sys.executable, "-c", code]
    return subprocess.run(order, capture_output=True, text=True, check=False, **keywords)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("command", ["", "demo", "explain", "replay", "choose", "preview"])
def test_help_comes_without_torch_ignite_numpy_or_what_draws(command: str) -> None:
    done = python(
        "import sys\n"
        "from ignite_delayed.cli import main\n"
        f"assert main({[*command.split(), '--help']!r}) == 0\n"
        "heavy = {'torch', 'ignite', 'numpy', 'rich', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_help_names_the_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ignite_delayed", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: ignite-delayed ")
    assert [line.split()[0] for line in done.stdout.partition("Commands:\n")[2].splitlines()] == [
        "choose",
        "demo",
        "explain",
        "preview",
        "replay",
    ]


def test_help_explains_every_option_with_unit_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for said in (
        "--delay EPOCHS Epochs before early stopping may begin. [default: half of --epochs]",
        "--patience EPOCHS Epochs without a better validation accuracy before a run is stopped. [default: 5]",
        "--epochs EPOCHS Epochs to train at most. [default: 60]",
        "--seed NUMBER The seed of everything random. [default: 0]",
        "--output FOLDER Where to write",
        "30 % of whose training labels are wrong",
    ):
        assert said in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == ignite_delayed.__version__


def test_the_installed_command_is_this_one() -> None:
    (command,) = metadata.entry_points(group="console_scripts", name="ignite-delayed")
    assert command.load() is main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Usage: ignite-delayed [OPTIONS] COMMAND"),
        (["dmo"], "No such command 'dmo'"),
        (["demo", "--delay", "60"], "--delay must be less than epochs=60, got 60"),
        (["demo", "--delay", "5", "--epochs", "5"], "--delay must be less than epochs=5, got 5"),
        (["demo", "--delay", "0"], "--delay must be a whole number >= 1, got 0"),
        (["demo", "--epochs", "1"], "--epochs must be a whole number >= 2, got 1"),
        (["demo", "--patience", "-3"], "--patience must be a whole number >= 1, got -3"),
        (["demo", "--patience", "2.5"], "Invalid value for '--patience': '2.5' is not a valid integer"),
        (["demo", "--seed", "4294967296"], "--seed must be less than 2**32"),
        (["demo", "--seed", "-1"], "--seed must be a whole number >= 0"),
        (["demo", "--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["demo", "--seeds", "2", "--seed", "4294967295"], "--seeds 2 from --seed 4294967295"),
        (["demo", "--seeds", "2", "--output", "x"], "--seeds writes no files: leave out --output"),
        (["demo", "--seeds", "2", "--overwrite"], "--seeds writes no files: leave out --output"),
    ],
)
def test_bad_options_end_with_status_2_and_a_reason(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["rich", "matplotlib", "sklearn"])
def test_without_the_extra_the_error_names_it_before_anything_is_done(package: str, tmp_path: Path) -> None:
    done = python(
        f"import sys; sys.modules[{package!r}] = None\n"  # Python's way to say: not installed
        "from ignite_delayed.cli import main\n"
        "sys.exit(main(['demo', '--epochs', '2']))\n",
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"ignite-delayed: error: {package} is needed for this and is not installed: "
        "pip install 'ignite-delayed[demo]'\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert main(["demo", "--epochs", "2", "--output", str(taken)]) == 1
    assert f"--output {taken} is a file" in capsys.readouterr().err
    assert taken.read_text() == "mine"


@pytest.mark.parametrize("arguments", [["--help"], ["demo"]])
def test_without_click_the_extra_is_named(arguments: list[str], tmp_path: Path) -> None:
    done = python(
        "import sys; sys.modules['click'] = None\n"
        "from ignite_delayed.cli import main\n"
        f"sys.exit(main({arguments!r}))\n",
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ignite-delayed: error: click is needed for this and is not installed: pip install 'ignite-delayed[cli]'\n"
    )


def test_ctrl_c_ends_with_130_and_a_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ignite_delayed.demo.command.demo", interrupted)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err.strip() == "ignite-delayed: interrupted"
