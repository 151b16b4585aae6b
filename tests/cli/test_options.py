"""The options of `train` become the request they say, the same for the command line and the magics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.contract.jobs import JobRequest
from windlass.options import TrainOptions, train_options

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in {"as", "if", "in", "is", "or"}
)
utf8_text = st.text(alphabet=st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | utf8_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(utf8_text, inner, max_size=3),
    max_leaves=6,
)


@click.command("train")
@train_options
def command(**_given: object) -> None:
    """A command with the options and nothing else."""


def request(*words: str, variables: Mapping[str, object] | None = None, **more: Any) -> JobRequest:
    given = command.make_context("train", list(words), obj=variables).params
    return TrainOptions(**given).request(notebook="a.ipynb", **more)


def test_without_options_it_is_one_process() -> None:
    assert request() == JobRequest(notebook="a.ipynb")


def test_every_option_arrives() -> None:
    words = (
        "--workers 2 --processes 4 --gpus 3 --engine local --kind torchrun --name night --environment python3"
        " --include data/*.csv --include x --exclude *.tmp --time-limit 2h30m --retries 2 --experiment e"
        " --allow-secrets"
    )
    assert request(*words.split(), "-p", "lr=0.1", ask_browser_to_save=True) == JobRequest(
        notebook="a.ipynb",
        name="night",
        engine="local",
        kind="torchrun",
        workers=2,
        processes_per_worker=4,
        gpus_per_worker=3,
        parameters={"lr": 0.1},
        environment="python3",
        include=["data/*.csv", "x"],
        exclude=["*.tmp"],
        time_limit_seconds=9_000,
        retries=2,
        experiment="e",
        allow_secrets=True,
        ask_browser_to_save=True,
    )


def test_each_gpu_gets_a_process_unless_told_otherwise() -> None:
    assert request("--gpus", "4").processes_per_worker == 4
    assert request("--gpus", "4", "--processes", "1").processes_per_worker == 1


@given(st.dictionaries(names, json_values, max_size=4))
def test_any_parameters_survive_the_way_to_the_wire(parameters: dict[str, Any]) -> None:
    words = [word for name, value in parameters.items() for word in ("-p", f"{name}={json.dumps(value)}")]
    sent = json.loads(request(*words).model_dump_json())["parameters"]
    assert json.dumps(sent, sort_keys=True) == json.dumps(parameters, sort_keys=True)


def test_parameters_win_over_the_file_and_later_ones_over_earlier(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text('{"a": 1, "b": 1, "c": 1, "d": 1}', encoding="utf-8")
    words = ("--parameters-file", str(file), "-p", "b=2", "-p", "c=2", "-p", "c=3")
    assert request(*words, overrides={"d": 4}).parameters == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_a_variable_of_the_kernel_keeps_its_type() -> None:
    assert request("-p", "lr={rate}", variables={"rate": 0.25}).parameters == {"lr": 0.25}


def test_without_a_kernel_braces_are_text() -> None:
    assert request("-p", "lr={rate}").parameters == {"lr": "{rate}"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--workers", "0"], "0 is not in the range 1<=x<=1024"),
        (["--gpus", "x"], "not a valid integer"),
        (["-p", "a-b=1"], "'a-b' cannot be a parameter"),
        (["-p", "novalue"], "Write name=value"),
        (["--time-limit", "90"], "Write it with units"),
        (["--time-limit", "61d"], "longest time limit is 60d"),
        (["--parameters-file", "/nowhere.json"], "does not exist"),
        (["--name", ""], "name: String should have at least 1 character"),
        (["--nonsense"], "No such option"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(click.UsageError, match=r"(?i)" + sentence.replace("(", r"\(")):
        request(*words)


def test_what_workers_are_given_in_a_cluster_is_said_in_words_people_use() -> None:
    made = request(
        *("--image", "quay.io/x/torch:1", "--cpu", "500m", "--memory", "32Gi", "--shm", "8Gi"),
        *("--gpu-product", "NVIDIA-A100", "--queue", "team-a", "--spot", "--priority", "low", "--no-install"),
        *("--volume", "imagenet:/data:ro", "--volume", "home/runs:/out", "--node-label", "zone=a"),
    )
    options = made.cluster
    assert options is not None
    assert (options.image, options.cpu, options.memory_bytes) == ("quay.io/x/torch:1", 0.5, 32 * 2**30)
    assert (options.shared_memory_bytes, options.gpu.product, options.queue) == (8 * 2**30, "NVIDIA-A100", "team-a")
    assert (options.node_class, options.priority_class, options.install_packages) == ("spot", "low", False)
    assert options.node_selector == {"zone": "a"}
    mounts = [(mount.claim, mount.path, mount.sub_path, mount.read_only) for mount in options.volumes]
    assert mounts == [("imagenet", "/data", None, True), ("home", "/out", "runs", False)]


def test_a_mig_profile_says_how_the_gpu_is_shared() -> None:
    options = request("--mig", "1g.5gb").cluster
    assert options is not None
    assert (options.gpu.share, options.gpu.mig_profile) == ("mig", "1g.5gb")


def test_without_a_word_about_a_cluster_nothing_is_said_of_one() -> None:
    assert request().cluster is None


@pytest.mark.parametrize(
    "words",
    [
        ("--memory", "lots"),
        ("--cpu", "-1"),
        ("--volume", "data"),
        ("--volume", "data:relative"),
        ("--volume", "data:/x:rx"),
        ("--node-label", "zone"),
        ("--image", "a b"),
        ("--mig", "huge"),
    ],
)
def test_what_no_cluster_can_be_asked_is_a_usage_error(words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        request(*words)
