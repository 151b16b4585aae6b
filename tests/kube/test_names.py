"""Names and labels of jobs, whatever people call things, and what an object remembers of its job."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.kube.names import (
    LARGEST_ANNOTATIONS,
    OWNER_ANNOTATION,
    SPEC_ANNOTATION,
    job_labels,
    job_selector,
    object_name,
    owner_label,
    pod_labels,
    spec_annotations,
    spec_from,
    user_slug,
)
from windlass.services.identifiers import new_job_id

DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
ID = "j1tq2x7m8k3f0z"
ANY_TEXT = st.text(max_size=300)

ADDED_BY_OPERATORS = [
    "-master-0",
    "-worker-9999",
    "-launcher",
    "-node-0-9999-xxxxx",
    "-launcher-0-0-xxxxx",
    "-dataset-initializer-0-0-xxxxx",
    "-model-initializer-0-0-xxxxx",
    "-9999-xxxxx",
    "-mpi-ssh-auth",
    "-runtime-snapshot",
]


@pytest.mark.parametrize(
    ("job_name", "name"),
    [
        ("train", f"train-{ID}"),
        ("projects/vision/Train ResNet.ipynb", f"train-resnet-{ID}"),
        ("Übung_3: Größe", f"ubung-3-groe-{ID}"),
        ("2024-04 sweep", f"job-2024-04-sweep-{ID}"),
        ("训练.ipynb", f"job-{ID}"),
        ("---", f"job-{ID}"),
        ("", f"job-{ID}"),
        ("../../etc/passwd", f"passwd-{ID}"),
        ("a; rm -rf / #", f"job-{ID}"),
        ("x" * 200, f"{'x' * 18}-{ID}"),
        ("exactly-eighteen-x-and-more", f"exactly-eighteen-x-{ID}"),
        ("cut-at-a-hyphen-xx-more", f"cut-at-a-hyphen-xx-{ID}"),
    ],
)
def test_a_job_s_objects_are_named_after_it_and_its_id(job_name: str, name: str) -> None:
    assert object_name(job_name, ID) == name


@given(ANY_TEXT, st.one_of(st.just(ID), ANY_TEXT))
def test_any_name_becomes_one_that_operators_can_add_to(job_name: str, job_id: str) -> None:
    name = object_name(job_name, job_id)
    assert DNS_1035.fullmatch(name)
    assert object_name(job_name, job_id) == name
    assert max(len(name + added) for added in ADDED_BY_OPERATORS) <= 63


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), min_size=2, max_size=20))
def test_two_jobs_never_share_a_name(jobs: list[tuple[str, str]]) -> None:
    owner_of: dict[str, str] = {}
    for job_name, job_id in jobs:
        assert owner_of.setdefault(object_name(job_name, job_id), job_id) == job_id


def test_ids_that_hyphens_could_mix_up_stay_apart() -> None:
    assert object_name("a", "b-c") != object_name("a-b", "c")


@pytest.mark.parametrize("now", [0, 1_800_000_000, 2**35 - 1])
def test_ids_as_the_server_makes_them_are_kept_whole(now: int) -> None:
    job_id = new_job_id(now=now)
    assert object_name("a", job_id) == f"a-{job_id}"
    assert job_labels(job_id=job_id, owner="ada")["windlass.io/job"] == job_id


@pytest.mark.parametrize(
    ("owner", "label"),
    [
        ("ada", "ada"),
        ("ada-lovelace", "ada-lovelace"),
        ("4da", "4da"),
        ("Ada", "ada---"),
        ("ada@example.com", "ada-example-com---"),
        ("ada--lovelace", "ada-lovelace---"),
        ("ada---0123456789ab", "ada-0123456789ab---"),
        ("", "x---"),
        ("阿达", "x---"),
        ("x" * 63, "x" * 63),
        ("x" * 64, "x" * 48 + "---"),
    ],
)
def test_owners_become_labels_people_recognise(owner: str, label: str) -> None:
    assert re.sub("---[0-9a-f]{12}$", "---", owner_label(owner)) == label


@given(ANY_TEXT, ANY_TEXT)
def test_any_owner_has_a_label_of_their_own(one: str, two: str) -> None:
    assert LABEL_VALUE.fullmatch(owner_label(one))
    assert len(owner_label(one)) <= 63
    assert (owner_label(one) == owner_label(two)) == (one == two)


@given(ANY_TEXT, st.integers(16, 63))
def test_a_user_s_name_fits_where_it_goes(username: str, longest: int) -> None:
    slug = user_slug(username, longest=longest)
    assert len(slug) <= longest
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", slug)


def test_objects_and_pods_say_what_they_are() -> None:
    labels = {"app.kubernetes.io/managed-by": "windlass", "windlass.io/job": ID, "windlass.io/owner": "ada"}
    assert job_labels(job_id=ID, owner="ada") == labels
    assert pod_labels(job_id=ID, owner="ada") == {**labels, "job-type": "training"}


def test_selectors_find_all_jobs_one_job_or_one_owner_s() -> None:
    assert job_selector() == "app.kubernetes.io/managed-by=windlass,windlass.io/job"
    assert job_selector(job_id=ID) == f"app.kubernetes.io/managed-by=windlass,windlass.io/job={ID}"
    assert job_selector(owner="ada") == f"{job_selector()},windlass.io/owner=ada"


@pytest.mark.parametrize("job_id", ["", "a,windlass.io/owner!=ada", "a b", "-a", "x" * 64, "a\n"])
def test_what_is_no_id_gets_into_no_label_and_no_selector(job_id: str) -> None:
    with pytest.raises(ValueError, match="no job id"):
        job_labels(job_id=job_id, owner="ada")
    with pytest.raises(ValueError, match="no job id"):
        job_selector(job_id=job_id)


def a_spec(**changes: Any) -> dict[str, Any]:
    spec = {
        "id": ID,
        "name": "train",
        "owner": "ada",
        "notebook": "projects/train.ipynb",
        "bundle_path": "/home/ada/.local/share/jupyter/windlass/bundles/x.tar.gz",
        "bundle_sha256": "0" * 64,
        "python": "/home/ada/venv/bin/python",
        "environment": {
            "MLFLOW_EXPERIMENT_NAME": "train",
            "MLFLOW_TRACKING_URI": "https://ada:hunter2@mlflow.example.com",
            "HF_TOKEN": "hf_hunter2",
        },
        "kind": None,
        "workers": 8,
        "processes_per_worker": 1,
        "gpus_per_worker": 1,
        "time_limit_seconds": None,
        "retries": 2,
        "cluster": {"memory_bytes": 2**35, "volumes": [{"claim": "imagenet-dataset", "path": "/data"}]},
        "imports": ("torch==2.13.0",),
        "created_at": 1_800_000_000.25,
        "parameters": {"lr": 0.1, "arch": "resnet50"},
    }
    return spec | changes


def test_a_job_is_read_back_from_its_annotations() -> None:
    annotations = spec_annotations(a_spec())
    assert annotations[OWNER_ANNOTATION] == "ada"
    assert spec_from(annotations) == {
        "id": ID,
        "name": "train",
        "owner": "ada",
        "notebook": "projects/train.ipynb",
        "bundle_sha256": "0" * 64,
        "environment": {"MLFLOW_EXPERIMENT_NAME": "train"},
        "workers": 8,
        "processes_per_worker": 1,
        "gpus_per_worker": 1,
        "retries": 2,
        "cluster": {"memory_bytes": 2**35, "volumes": [{"claim": "imagenet-dataset", "path": "/data"}]},
        "imports": ["torch==2.13.0"],
        "created_at": 1_800_000_000.25,
        "parameters": {"lr": 0.1, "arch": "resnet50"},
    }


def test_no_secret_and_no_path_of_this_machine_gets_into_annotations() -> None:
    text = json.dumps(spec_annotations(a_spec()))
    assert "hunter2" not in text
    assert "/home/ada" not in text


def test_parameters_that_are_too_large_are_left_out_and_that_is_said() -> None:
    spec = spec_from(spec_annotations(a_spec(parameters={"text": "é" * LARGEST_ANNOTATIONS})))
    assert spec is not None
    assert spec["left_out"] == ["parameters"]
    assert "parameters" not in spec
    assert spec["imports"] == ["torch==2.13.0"]


def test_names_too_long_for_any_cluster_are_refused() -> None:
    with pytest.raises(ValueError, match="too long for a cluster"):
        spec_annotations(a_spec(owner="x" * LARGEST_ANNOTATIONS))


@pytest.mark.parametrize("missing", ["id", "owner", "notebook", "bundle_sha256"])
def test_a_job_without_what_makes_it_one_is_refused(missing: str) -> None:
    with pytest.raises(ValueError, match="needs id, name, owner"):
        spec_annotations(a_spec(**{missing: None}))


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(owner=ANY_TEXT, name=ANY_TEXT, notebook=ANY_TEXT, parameters=st.dictionaries(st.text(), JSON_VALUES))
def test_any_words_survive(owner: str, name: str, notebook: str, parameters: dict[str, Any]) -> None:
    annotations = spec_annotations(a_spec(owner=owner, name=name, notebook=notebook, parameters=parameters))
    assert sum(len(key) + len(value.encode()) for key, value in annotations.items()) < 256 * 1024
    spec = spec_from(annotations)
    assert spec is not None
    assert [spec[key] for key in ("owner", "name", "notebook", "parameters")] == [owner, name, notebook, parameters]


SPOILT = st.dictionaries(st.sampled_from([*a_spec(), "left_out", "other"]), JSON_VALUES).map(json.dumps)


@given(st.one_of(st.text(), JSON_VALUES.map(json.dumps), SPOILT))
def test_annotations_that_somebody_spoilt_never_break_the_list(text: str) -> None:
    spec = spec_from({SPEC_ANNOTATION: text})
    assert spec is None or isinstance(spec["id"], str)


@pytest.mark.parametrize("annotations", [None, {}, {SPEC_ANNOTATION: ""}, {SPEC_ANNOTATION: "[" * 100_000}])
def test_objects_without_a_job_have_none(annotations: dict[str, str] | None) -> None:
    assert spec_from(annotations) is None


def test_fields_of_a_wrong_type_are_left_out() -> None:
    spoilt = json.loads(spec_annotations(a_spec())[SPEC_ANNOTATION]) | {"workers": "8", "retries": True, "imports": 3}
    spec = spec_from({SPEC_ANNOTATION: json.dumps(spoilt)})
    assert spec is not None
    assert spec.keys().isdisjoint({"workers", "retries", "imports"})
    assert spec["gpus_per_worker"] == 1
