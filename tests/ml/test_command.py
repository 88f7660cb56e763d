"""The command generator: its contract kept by an example of another environment, and broken in every way."""

from __future__ import annotations

import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ml.asset import Asset, InputError
from ml.generators.command import Command, CommandOptions
from ml.generators.protocol import Answer, Generator, Refusal, Request
from ml.prompt import parse_prompt
from ml.sources import Source

pytestmark = pytest.mark.slow  # whole runs, services and trainings: seconds each

EXAMPLE = str(Path(__file__).parents[2] / "infra" / "models" / "example" / "twisted_prism.py")


@pytest.fixture(scope="module")
def other_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A second environment, empty: neither torch nor numpy."""
    folder = tmp_path_factory.mktemp("other")
    venv.create(folder, with_pip=False, symlinks=True)
    return str(folder / "bin" / "python")


def request(id: str, prompt: str = "a tall prism", **more: Any) -> Request:
    return Request(id, more.pop("seed", 1), prompt=parse_prompt(prompt), **more)


def codes(answers: Sequence[Answer]) -> list[str]:
    return ["asset" if isinstance(answer, Asset) else answer.code for answer in answers]


def program(folder: Path, body: str, **options: Any) -> Command:
    """A generator whose program knows `rows`, `folder` and `answer(rows)` and is otherwise `body`."""
    start = "\n".join(
        (
            "import json, os, sys, time, pathlib",
            "def answer(folder, rows):",
            "    (folder / 'response.json').write_text(json.dumps({'rows': rows}))",
            "def made(row):",
            f"    sys.path.insert(0, {str(Path(EXAMPLE).parent)!r})",
            "    import twisted_prism",
            "    return twisted_prism.answer(row)",
            "def work(folder):",
            "    rows = json.loads((folder / 'request.json').read_text())['rows']",
            *(f"    {line}" for line in body.splitlines()),
            "if len(sys.argv) > 1: work(pathlib.Path(sys.argv[1]))",
            "else:",
            "    for line in sys.stdin:",
            "        work(pathlib.Path(line.strip())); print(line.strip(), flush=True)",
        )
    )
    (folder / "program.py").write_text(start)
    return Command(CommandOptions(command=(sys.executable, str(folder / "program.py")), **options))


@pytest.mark.parametrize("mode", ["once", "serve"])
def test_the_example_makes_assets_in_an_environment_of_its_own(other_python: str, mode: Any) -> None:
    options = CommandOptions(command=("-I", EXAMPLE), python=other_python, mode=mode, batch=2)
    generator: Generator = Command(options)
    answers = generator.generate([request("a"), request("b"), request("c", "x"), request("d", seed=9)])
    assert codes(answers) == ["asset", "asset", "prompt.too-short", "asset"]
    first, second, refusal, fourth = answers
    assert isinstance(first, Asset)
    assert isinstance(second, Asset)
    assert isinstance(refusal, Refusal)
    assert isinstance(fourth, Asset)
    assert (first.name, first.notes["sides"]) == ("a", "10")
    assert (first.parts[0].vertices == second.parts[0].vertices).all()  # same words, same seed
    assert (first.parts[0].vertices != fourth.parts[0].vertices).any()


def test_a_served_program_stays_warm_until_it_dies(tmp_path: Path) -> None:
    body = "answer(folder, [{'id': r['id'], 'failed': str(os.getpid()), 'message': ''} for r in rows])"
    generator = program(tmp_path, body, mode="serve")
    pids = {code for _ in range(3) for code in codes(generator.generate([request("a"), request("b")]))}
    assert len(pids) == 1
    generator.program.close()  # type: ignore[attr-defined]
    assert set(codes(generator.generate([request("a")]))) != pids


@pytest.mark.parametrize("mode", ["once", "serve"])
def test_a_row_that_kills_the_program_costs_itself_alone(tmp_path: Path, mode: Any) -> None:
    body = """print('about to work')
if any(r['seed'] == 13 for r in rows): print('last words', file=sys.stderr, flush=True); os._exit(7)
answer(folder, [made(r) for r in rows])"""
    generator = program(tmp_path, body, mode=mode)
    answers = generator.generate([request(str(seed), seed=seed) for seed in (1, 2, 13, 4)])
    assert codes(answers) == ["asset", "asset", "command.failed", "asset"]
    assert isinstance(answers[2], InputError)
    assert "ended with 7" in answers[2].message
    assert "last words" in answers[2].message


@pytest.mark.parametrize("mode", ["once", "serve"])
def test_a_row_that_hangs_is_killed_with_all_it_started(tmp_path: Path, mode: Any) -> None:
    body = f"""if any(r['seed'] == 13 for r in rows):
    import subprocess
    child = subprocess.Popen(['sleep', '60']); pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
    time.sleep(60)
answer(folder, [made(r) for r in rows])"""
    generator = program(tmp_path, body, mode=mode, seconds=1.0)
    answers = generator.generate([request("a", seed=13), request("b")])
    assert codes(answers) == ["command.timeout", "asset"]
    child = Path("/proc") / (tmp_path / "pid").read_text()
    deadline = time.monotonic() + 5
    while child.exists() and " Z " not in (child / "stat").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists() or " Z " in (child / "stat").read_text()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("pass", "command.bad-answer"),
        ("(folder / 'response.json').write_text('{')", "command.bad-answer"),
        ("answer(folder, [])", "command.bad-answer"),
        ("answer(folder, 3)", "command.bad-answer"),
        ("answer(folder, [{**made(r), 'pictures': 3} for r in rows])", "command.bad-answer"),
        ("answer(folder, [{**made(r), 'notes': [1]} for r in rows])", "command.bad-answer"),
        ("answer(folder, [{'id': r['id'], 'mesh': '/etc/hostname'} for r in rows])", "input.outside"),
        ("answer(folder, [{'id': r['id'], 'mesh': r['out'] + '/no.glb'} for r in rows])", "input.missing"),
        ("answer(folder, [{'id': r['id'], 'mesh': str(folder / 'request.json')} for r in rows])", "mesh.unsupported"),
        ("answer(folder, [{'id': r['id'], 'failed': 'mine', 'message': 'so'} for r in rows])", "mine"),
    ],
)
def test_answers_that_break_the_contract_are_coded(tmp_path: Path, body: str, code: str) -> None:
    assert codes(program(tmp_path, body).generate([request("a"), request("b")])) == [code, code]


def test_a_program_that_is_not_there_is_coded() -> None:
    generator = Command(CommandOptions(command=("/no/such/program",)))
    assert codes(generator.generate([request("a")])) == ["model.missing-program"]
    with pytest.raises(InputError, match="names no command"):
        Command().generate([request("a")])


def test_inputs_lie_beside_the_request_and_unreadable_ones_cost_only_their_row(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(b"picture")
    source = Source(str(tmp_path / "in.png"), str(tmp_path))
    missing = Source(str(tmp_path / "no.png"), str(tmp_path))
    body = """said = [{'id': r['id'], 'failed': pathlib.Path(r['image']).read_text(), 'message': r['image'],
  'n': len(r['images'])} for r in rows]
answer(folder, said)"""
    generator = program(tmp_path, body)
    answers = generator.generate([request("a", image=source), request("b", image=missing), request("c", image=source)])
    assert codes(answers) == ["picture", "input.missing", "picture"]
