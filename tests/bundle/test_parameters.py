"""The parameters cell: papermill's rules, typed; values checked against it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.bundle.notebook import Cell
from windlass.bundle.parameters import checked_values, read_parameters
from windlass.errors import InvalidRequest

from .conftest import Project, code, rules


def declared(source: str) -> list[tuple[str, str, object, str, str | None]]:
    cell = Cell(index=0, cell_type="code", source=source, tags=("parameters",))
    return [(p.name, p.type.name, p.default, p.default_source, p.help) for p in read_parameters([cell]).declared]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("lr = 0.1  # learning rate", ("lr", "float", 0.1, "0.1", "learning rate")),
        ("lr: float = 1", ("lr", "float", 1, "1", None)),
        ("n = 3 # type: float how many", ("n", "float", 3, "3", "how many")),
        ("n: int = 3 # type: str", ("n", "int", 3, "3", None)),
        ("flag = True", ("flag", "bool", True, "True", None)),
        ("name = 'a # b'  # who", ("name", "str", "a # b", "'a # b'", "who")),
        ("xs = (1, 2)", ("xs", "list", [1, 2], "(1, 2)", None)),
        ("d = {'a': [1]}", ("d", "dict", {"a": [1]}, "{'a': [1]}", None)),
        ("x = None", ("x", "none", None, "None", None)),
        ("x: 'Optional[int]' = None", ("x", "int", None, "None", None)),
        ("x: int | None = None", ("x", "int", None, "None", None)),
        ("x: typing.List[str] = []", ("x", "list", [], "[]", None)),
        ("x: Literal['a', 'b'] = 'a'", ("x", "str", "a", "'a'", None)),
        ("x: Path = Path('a')", ("x", "other", None, "Path('a')", None)),
        ("x = 2 ** 10 * 4", ("x", "int", 4096, "2 ** 10 * 4", None)),
        ("x = -1.5", ("x", "float", -1.5, "-1.5", None)),
        ("x = 1 / 0", ("x", "other", None, "1 / 0", None)),
        ("x = 10 ** 10 ** 10", ("x", "other", None, "10 ** 10 ** 10", None)),
        ("x = os.environ['A']", ("x", "other", None, "os.environ['A']", None)),
        ("x = {\n  'a': 1,  # one\n}  # last", ("x", "dict", {"a": 1}, "{\n  'a': 1,  # one\n}", "last")),
        ("%matplotlib inline\nx = 1  # seen", ("x", "int", 1, "1", "seen")),
    ],
)
def test_types_defaults_and_help_are_read(source: str, expected: tuple[object, ...]) -> None:
    assert declared(source) == [expected]


def test_tuples_chains_and_reassignment() -> None:
    assert [entry[:3] for entry in declared("a, b = 1, 'x'\nc = d = 2.0\na = 5\nprint(a)\ne: int\nf.g = 1")] == [
        ("a", "int", 5),
        ("b", "str", "x"),
        ("c", "float", 2.0),
        ("d", "float", 2.0),
    ]


def test_only_the_first_tagged_cell_counts(project: Project) -> None:
    project.notebook("train.ipynb", "z = 1", code("a = 1", tags=("parameters",)), code("b = 1", tags=("parameters",)))
    assert [field.name for field in project.plan().parameters] == ["a"]


@given(st.text(max_size=80))
def test_any_text_is_read_without_a_crash(source: str) -> None:
    read_parameters([Cell(index=0, cell_type="code", source=source, tags=("parameters",))])


def problems(source: str | None, given_values: dict[str, object]) -> dict[str, str]:
    """Field → message of what is refused; empty when everything is accepted."""
    cells = [] if source is None else [Cell(index=0, cell_type="code", source=source, tags=("parameters",))]
    try:
        checked_values(read_parameters(cells), given_values)
    except InvalidRequest as error:
        return {field.field: field.message for field in error.fields}
    return {}


@pytest.mark.parametrize(
    ("default", "value", "accepted"),
    [
        ("1", 2, True),
        ("1", 2.5, False),
        ("1", True, False),
        ("1", "2", False),
        ("1", None, False),
        ("1.0", 2, True),
        ("1.0", False, False),
        ("1.0", float("nan"), False),
        ("'a'", "b; rm -rf /", True),
        ("'a'", 1, False),
        ("True", False, True),
        ("True", 1, False),
        ("[1]", ["x"], True),
        ("[1]", {"a": 1}, False),
        ("[1]", [float("inf")], False),
        ("{}", {"a": 1}, True),
        ("None", "anything", True),
        ("f()", 3, True),
    ],
)
def test_a_value_has_to_fit_its_type(default: str, value: object, accepted: bool) -> None:
    assert (problems(f"x = {default}", {"x": value}) == {}) is accepted


def test_an_optional_annotation_takes_none_and_its_type_only() -> None:
    assert problems("x: int | None = 3", {"x": None}) == {}
    assert "x must be a whole number, not text." in problems("x: int | None = 3", {"x": "a"}).values()


def test_an_int_for_a_float_becomes_one_so_that_the_hash_is_the_same(project: Project) -> None:
    project.notebook("train.ipynb", code("lr = 0.5", tags=("parameters",)), "1")
    one, other = project.plan(parameters={"lr": 1}), project.plan(parameters={"lr": 1.0})
    assert one.sha256() == other.sha256()
    assert one.parameters[0].value == 1.0


@pytest.mark.parametrize("name", ["no-dash", "1x", "a b", "class", "", "x; import os", "$(rm)", "a\nb", "\ud800"])
def test_a_name_that_is_no_identifier_is_refused_at_its_field(name: str) -> None:
    assert list(problems("x = 1", {name: 1})) == [f"parameters.{name}"]
    assert list(problems(None, {name: 1})) == [f"parameters.{name}"]


def test_an_unknown_name_is_refused_with_the_likely_one() -> None:
    assert (
        "did you mean learning_rate?" in problems("learning_rate = 1", {"learning_rat": 1})["parameters.learning_rat"]
    )
    assert "sets no variable" in problems("print()", {"a": 1})["parameters.a"]


def test_all_problems_are_said_at_once() -> None:
    assert set(problems("a = 1\nb = 'x'", {"a": "x", "b": 1, "c": 2})) == {
        "parameters.a",
        "parameters.b",
        "parameters.c",
    }


def test_without_a_parameters_cell_identifiers_are_taken_and_that_is_said(project: Project) -> None:
    project.notebook("train.ipynb", "epochs = 1")
    plan = project.plan(parameters={"epochs": 3})
    assert any("No cell is tagged `parameters`" in notice for notice in plan.notices)
    assert [(field.name, field.type, field.value) for field in plan.parameters] == [("epochs", "int", 3)]


def test_a_parameters_cell_with_a_syntax_error_is_said_not_crashed_on(project: Project) -> None:
    project.notebook("train.ipynb", code("a = = 1", tags=("parameters",)))
    plan = project.plan(parameters={"a": 3})
    assert any("not valid Python" in notice for notice in plan.notices)
    assert "syntax-error" in rules(plan)


def test_secret_values_are_masked_and_flagged(project: Project) -> None:
    token = "hf_" + "aB3dE" * 7
    project.notebook("train.ipynb", code(f"hf_token = ''\nname = 'x'\nkey = '{token}'", tags=("parameters",)))
    plan = project.plan(parameters={"hf_token": token})
    assert token not in "".join(field.model_dump_json() for field in plan.parameters)
    assert token not in "".join(finding.model_dump_json() for finding in plan.findings)
    assert [finding.cell for finding in plan.findings if finding.rule == "secret"] == [None, 0]
    assert plan.manifest["parameters"] == {"hf_token": token}
