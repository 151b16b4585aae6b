"""Who owns what: everything made for a job goes when the job's own object goes.

The owner exists only after what it needs to start, so owners are written afterwards. Deleting a job waits for nothing:
`blockOwnerDeletion` is never set, because a TrainingRuntime stays until no TrainJob uses it and each would wait for the
other, and because setting it takes a right over the owner's finalizers that users need not have.
"""

from __future__ import annotations

from collections.abc import Sequence

from windlass.engines.kubernetes.model import Object


def owner_reference(owner: Object) -> Object:
    """A reference to an object as the API has answered it.

    Raises:
        ValueError: it has no uid, so it is not known to exist.
    """
    metadata = owner.get("metadata", {})
    if not metadata.get("uid") or not metadata.get("name"):
        raise ValueError("An owner is an object that the API has made: it has a name and a uid.")
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }


def owned_by(objects: Sequence[Object], owner: Object) -> list[Object]:
    """The objects with `owner` as their owner, beside those they have. Raises ValueError as `owner_reference`."""
    reference = owner_reference(owner)
    return [{**item, "metadata": _with_owner(item.get("metadata", {}), reference)} for item in objects]


def ownership_patch(owner: Object) -> Object:
    """The merge patch that gives an object of the job its owner. Raises ValueError as `owner_reference`."""
    return {"metadata": {"ownerReferences": [owner_reference(owner)]}}


def _with_owner(metadata: Object, reference: Object) -> Object:
    others = [each for each in metadata.get("ownerReferences", []) if each.get("uid") != reference["uid"]]
    return {**metadata, "ownerReferences": [*others, reference]}
