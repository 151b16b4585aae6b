"""Everything made for a job goes with it, and nothing waits for anything."""

from __future__ import annotations

import pytest

from windlass.engines.kubernetes.manifests.ownership import owned_by, ownership_patch

OWNER = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": {"name": "j", "uid": "u-1"}}
REFERENCE = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "name": "j", "uid": "u-1"}


def test_the_owner_is_named_once_beside_others_and_the_object_given_is_not_changed() -> None:
    other = {**REFERENCE, "uid": "u-2"}
    item = {"kind": "ConfigMap", "metadata": {"name": "c", "ownerReferences": [other]}}
    (once,) = owned_by([item], OWNER)
    (twice,) = owned_by([once], OWNER)
    assert twice["metadata"]["ownerReferences"] == [other, REFERENCE]
    assert item["metadata"]["ownerReferences"] == [other]


def test_deleting_the_owner_waits_for_nothing() -> None:
    assert "blockOwnerDeletion" not in ownership_patch(OWNER)["metadata"]["ownerReferences"][0]


@pytest.mark.parametrize("metadata", [{"name": "j"}, {"uid": "u"}, {}])
def test_what_is_not_in_the_cluster_owns_nothing(metadata: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="uid"):
        owned_by([], {**OWNER, "metadata": metadata})
