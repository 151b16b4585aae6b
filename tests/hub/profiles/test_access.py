"""Who may use a profile, and whose quota holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from windlass.kube.quantities import parse_quantity
from windlass_hub.profiles.access import Person, effective_quota, visible, why_not
from windlass_hub.profiles.model import Catalogue, Profile, Quota, Quotas

GROUPS = ("students", "staff", "training")


def _profile(**fields: object) -> Profile:
    return Profile.model_validate({"slug": "p", "display_name": "P", "cpu": "1", "memory": "1G", **fields})


def test_a_profile_without_groups_and_users_is_for_everyone() -> None:
    assert why_not(_profile(), Person(name="ann")) is None


def test_groups_and_users_are_each_a_way_in() -> None:
    profile = _profile(groups=["vision", "nlp"], users=["ann"])
    assert why_not(profile, Person(name="ann")) is None
    assert why_not(profile, Person(name="bob", groups=frozenset({"nlp"}))) is None
    assert why_not(profile, Person(name="bob", groups=frozenset({"other"}))) == "Only for members of vision or nlp."


def test_an_admin_has_no_way_around() -> None:
    assert why_not(_profile(groups=["vision"]), Person(name="root", admin=True)) is not None


def test_a_refusal_names_no_other_people() -> None:
    reason = why_not(_profile(users=["ann"]), Person(name="bob"))
    assert reason
    assert "ann" not in reason


def test_a_group_of_the_same_name_as_a_user_opens_nothing() -> None:
    assert why_not(_profile(users=["ann"]), Person(name="bob", groups=frozenset({"ann"}))) is not None
    assert why_not(_profile(groups=["vision"]), Person(name="vision")) is not None


def test_visible_keeps_the_order_and_leaves_out_what_is_closed() -> None:
    catalogue = Catalogue(
        profiles=tuple(_profile(slug=slug, groups=groups) for slug, groups in (("b", []), ("a", ["x"]), ("c", [])))
    )
    assert [profile.slug for profile in visible(catalogue, Person(name="ann"))] == ["b", "c"]


def test_a_group_may_have_less_than_everyone_and_a_second_group_adds() -> None:
    quotas = Quotas.model_validate(
        {
            "default": {"cpu": "16", "gpus": {"nvidia.com/gpu": 2}, "jobs": 5},
            "groups": {
                "students": {"gpus": {"nvidia.com/gpu": 0}},
                "training": {"cpu": "64", "gpus": {"nvidia.com/gpu": 8, "nvidia.com/mig-1g.5gb": 7}},
            },
        }
    )
    student = effective_quota(quotas, {"students", "choir"})
    assert student.gpus == {"nvidia.com/gpu": 0}
    assert (student.cpu, student.jobs, student.memory) == ("16", 5, None)
    both = effective_quota(quotas, {"students", "training"})
    assert both.gpus == {"nvidia.com/gpu": 8, "nvidia.com/mig-1g.5gb": 7}
    assert both.cpu == "64"


def test_quantities_are_compared_by_size_not_by_spelling() -> None:
    quotas = Quotas.model_validate({"groups": {"a": {"memory": "900M"}, "b": {"memory": "1Gi"}, "c": {"memory": "1G"}}})
    assert effective_quota(quotas, {"a", "b", "c"}).memory == "1Gi"


cpus = st.none() | st.integers(1, 9_999).map(str) | st.integers(1, 9_999).map(lambda n: f"{n}m")
counts = st.none() | st.integers(0, 100)
resources = st.dictionaries(st.sampled_from(("nvidia.com/gpu", "nvidia.com/gpu.shared")), st.integers(0, 64))
quota = st.builds(Quota, cpu=cpus, jobs=counts, gpus=resources)
all_quotas = st.builds(Quotas, default=quota, groups=st.dictionaries(st.sampled_from(GROUPS), quota))


@given(quotas=all_quotas, groups=st.sets(st.sampled_from((*GROUPS, "unlisted"))))
def test_every_item_is_the_most_generous_a_group_says_or_the_default(quotas: Quotas, groups: set[str]) -> None:
    found = effective_quota(quotas, groups)
    theirs = [quotas.groups[name] for name in groups if name in quotas.groups]
    said = [parse_quantity(one.cpu) for one in theirs if one.cpu is not None]
    expected = max(said) if said else parse_quantity(quotas.default.cpu) if quotas.default.cpu else None
    assert (parse_quantity(found.cpu) if found.cpu else None) == expected
    for resource in ("nvidia.com/gpu", "nvidia.com/gpu.shared"):
        counts = [one.gpus[resource] for one in theirs if resource in one.gpus]
        assert found.gpus.get(resource) == (max(counts) if counts else quotas.default.gpus.get(resource))


@given(quotas=all_quotas, groups=st.sets(st.sampled_from(GROUPS)))
def test_groups_that_have_no_quota_change_nothing(quotas: Quotas, groups: set[str]) -> None:
    assert effective_quota(quotas, groups) == effective_quota(quotas, {*groups, "choir", "everyone"})
