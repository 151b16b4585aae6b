"""No secret, and nothing that is good on this machine alone, goes into a manifest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.engines.kubernetes.manifests.job_environment import for_pods, is_reached_by_pods


@pytest.mark.parametrize(
    ("uri", "reached"),
    [
        ("http://mlflow.mlflow.svc:5000", True),
        ("https://mlflow.example/path", True),
        ("http://10.0.0.7:5000", True),
        ("http://127.0.0.1:5000", False),
        ("http://127.8.8.8", False),
        ("http://localhost:5000", False),
        ("http://a.localhost", False),
        ("http://[::1]:5000", False),
        ("http://0.0.0.0:5000", False),
        ("sqlite:///mlflow.db", False),
        ("file:///tmp/mlruns", False),
        ("/tmp/mlruns", False),
        ("http://[broken", False),
        ("", False),
    ],
)
def test_addresses_that_mean_the_same_to_a_pod(uri: str, reached: bool) -> None:
    assert is_reached_by_pods(uri) is reached


def test_a_loopback_address_is_left_out_and_said() -> None:
    made = for_pods({"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000", "MLFLOW_EXPERIMENT_NAME": "x"}, tracking_uri=None)
    assert dict(made.variables) == {"MLFLOW_EXPERIMENT_NAME": "x"}
    assert made.tracking_uri is None
    assert "Pods cannot reach the MLflow server of this machine" in made.notices[0]


def test_the_address_for_pods_takes_the_place_of_this_servers_own() -> None:
    made = for_pods({"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}, tracking_uri="http://ada:secret@mlflow.svc:5000")
    assert made.tracking_uri == made.variables["MLFLOW_TRACKING_URI"] == "http://mlflow.svc:5000"
    assert made.notices == ()


def test_secrets_stay_here_and_are_named() -> None:
    given_variables = {
        "API_TOKEN": "x",
        "MY_VAR": "sk-aaaaaaaaaaaaaaaaaaaaaaaa",
        "FINE": "1",
        "MLFLOW_TRACKING_PASSWORD": "y",
    }
    made = for_pods(given_variables, tracking_uri=None)
    assert dict(made.variables) == {"FINE": "1"}
    assert "API_TOKEN, MY_VAR" in made.notices[0]
    assert "sk-aaa" not in made.notices[0]


@pytest.mark.parametrize(
    "value",
    [
        "https://a-token@index.example/simple",
        "see http://ada@host/x",
        "https://x.blob.core.example/c?sv=1&sig=abc",
        "https://host/?access_token=abc",
    ],
)
def test_credentials_in_addresses_are_secrets_whatever_the_variable_is_called(value: str) -> None:
    made = for_pods({"ADDRESS": value, "MLFLOW_TRACKING_URI": "https://a-token@mlflow.example"}, tracking_uri=None)
    assert dict(made.variables) == {"MLFLOW_TRACKING_URI": "https://mlflow.example"}
    assert "ADDRESS" in made.notices[0]


@pytest.mark.parametrize("value", ["https://host/a@b", "git@github.com:a/b", "https://host/?page=2&sigma=1", "a@b"])
def test_addresses_without_credentials_go(value: str) -> None:
    assert dict(for_pods({"ADDRESS": value}, tracking_uri=None).variables) == {"ADDRESS": value}


@given(st.dictionaries(st.sampled_from(["PATH", "HOME", "PYTHONPATH", "LD_LIBRARY_PATH", "A", "B"]), st.text()))
def test_paths_of_this_machine_never_go(environment: dict[str, str]) -> None:
    assert set(for_pods(environment, tracking_uri=None).variables) <= {"A", "B"}
