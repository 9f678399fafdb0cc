"""Which tests of several processes run in one of them: those that share what is dear to start."""

from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

# By file. xdist has a mark for this, which pytest 9.2 no longer lets it read.
TOGETHER = {
    "functional/test_spark.py": "spark",
    "functional/test_embedded_model.py": "embedded",
    "contract/test_form.py": "browser",
    "contract/test_report_page.py": "browser",
    "contract/test_hostile_pages.py": "browser",
}


def group(nodeid: str) -> str:
    """The largest begin first."""
    path = Path(nodeid.partition("::")[0])
    return TOGETHER.get("/".join(path.parts[-2:]), nodeid)


class TogetherScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
