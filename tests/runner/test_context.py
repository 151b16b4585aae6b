"""Where a rank finds the notebook's local modules."""

from __future__ import annotations

import pytest


def test_folders_that_the_manifest_names_are_searched_last(job):
    job.lay_out(
        "import here, above, deep.module, sys\nprint(here.x, above.x, deep.module.x)\nimport nbformat",
        "print(nbformat.__version__.count('.') > 0, sys.path.count(sys.path[0]))",
        name="proj/notebooks/train.ipynb",
        files={
            "proj/notebooks/here.py": "x = 'here'",
            "proj/above.py": "x = 'above'",
            "proj/src/deep/__init__.py": "",
            "proj/src/deep/module.py": "x = 'deep'",
            "proj/src/here.py": "x = 'the wrong one'",
            "proj/src/nbformat.py": "raise SystemExit('the wrong one')",
        },
        search_folders=["proj", "proj/notebooks", "proj/src"],
    )
    assert job.run() == 0, job.everything()
    assert job.log().splitlines() == ["here above deep", "True 1"]


@pytest.mark.parametrize("folder", ["../up", "/etc", "a/../../b"])
def test_folders_outside_the_bundle_are_refused(job, folder):
    job.lay_out("print(1)", search_folders=[folder])
    assert job.run() == 1
    assert "points outside the bundle" in job.log()
