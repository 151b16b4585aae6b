from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.merging import Clash, as_document, merge
from windlass_hub.profiles.model import Catalogue, load_catalogue

_names = st.sampled_from(["ml", "vision", "nlp"])
_profile = st.fixed_dictionaries(
    {
        "display_name": st.sampled_from(["A", "B", "C"]),
        "cpu": st.sampled_from(["1", "2", "4"]),
        "memory": st.just("4G"),
    },
    optional={
        "usd_per_hour": st.sampled_from([0.5, 1.0]),
        "groups": st.lists(_names, unique=True, max_size=3),
        "environment": st.dictionaries(st.sampled_from(["X", "Y"]), st.sampled_from(["1", "2"])),
        "gpu": st.fixed_dictionaries({"product": st.sampled_from(["T4", "A100"]), "count": st.integers(1, 2)}),
    },
)
catalogues = st.builds(
    lambda profiles, prices, order: load_catalogue(
        {
            "profiles": [{"slug": slug, **profiles[slug]} for slug in order if slug in profiles],
            "prices": {"gpu_hour": prices},
        }
    ),
    st.dictionaries(st.sampled_from(["p", "q", "r"]), _profile),
    st.dictionaries(st.sampled_from(["T4", "A100"]), st.sampled_from([0.1, 0.2])),
    st.permutations(["p", "q", "r"]),
)


def catalogue(*profiles: dict[str, Any], **rest: Any) -> Catalogue:
    return load_catalogue({"profiles": list(profiles), **rest})


def profile(slug: str, **fields: Any) -> dict[str, Any]:
    return {"slug": slug, "display_name": slug.upper(), "cpu": "2", "memory": "4G", **fields}


@given(base=catalogues, mine=catalogues)
def test_where_only_one_edited_the_result_is_theirs_alone(base: Catalogue, mine: Catalogue) -> None:
    for merged in (merge(base, mine, base), merge(base, base, mine), merge(base, mine, mine)):
        assert merged.clashes == ()
        assert load_catalogue(merged.document) == mine


@given(base=catalogues, mine=catalogues, theirs=catalogues)
def test_every_change_is_in_the_result_or_a_clash(base: Catalogue, mine: Catalogue, theirs: Catalogue) -> None:
    merged = merge(base, mine, theirs)
    clashes = {clash.path for clash in merged.clashes}
    result = {entry["slug"]: entry for entry in merged.document.get("profiles", [])}
    for slug in {p.slug for side in (base, mine, theirs) for p in side.profiles}:
        sides = [
            next((p for p in as_document(s).get("profiles", []) if p["slug"] == slug), None)
            for s in (base, mine, theirs)
        ]
        for field in ("display_name", "cpu", "usd_per_hour", "gpu"):
            old, left, right = ((side or {}).get(field) for side in sides)
            if old not in (left, right) and left != right and None not in sides:
                assert ("profiles", slug, field) in clashes
                assert result[slug].get(field) == left
            elif None not in sides:
                assert result[slug].get(field) == (right if left == old else left)


def test_edits_of_different_profiles_and_fields_come_together() -> None:
    base = catalogue(profile("a"), profile("b"))
    mine = catalogue(profile("a", cpu="8", groups=["ml"]), profile("b"))
    theirs = catalogue(profile("a", memory="32G", groups=["vision"]), profile("b", spot=True), profile("c"))
    merged = merge(base, mine, theirs)
    assert merged.clashes == ()
    assert load_catalogue(merged.document) == catalogue(
        profile("a", cpu="8", memory="32G", groups=["vision", "ml"]), profile("b", spot=True), profile("c")
    )


def test_both_at_one_price_is_a_clash_with_mine_in_the_result() -> None:
    sides = [catalogue(profile("a", usd_per_hour=price)) for price in (1.0, 2.0, 3.0)]
    merged = merge(*sides)
    assert merged.clashes == (Clash(path=("profiles", "a", "usd_per_hour"), mine=2.0, theirs=3.0),)
    assert merged.document["profiles"][0]["usd_per_hour"] == 2.0


def test_one_removed_what_the_other_changed() -> None:
    base, mine, theirs = catalogue(profile("a")), catalogue(), catalogue(profile("a", cpu="8"))
    (clash,) = merge(base, mine, theirs).clashes
    assert clash.path[:2] == ("profiles", "a")
    assert (clash.mine, clash.theirs["cpu"]) == (None, "8")
    assert merge(base, mine, theirs).document.get("profiles", []) == []


def test_my_order_holds_when_only_i_moved_and_new_entries_keep_their_neighbours() -> None:
    a, b, c, new = (profile(slug) for slug in ("a", "b", "c", "new"))
    merged = merge(catalogue(a, b, c), catalogue(c, a, b), catalogue(a, b, new, c))
    assert [entry["slug"] for entry in merged.document["profiles"]] == ["c", "a", "b", "new"]
