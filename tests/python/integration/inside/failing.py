"""Inside a recipe: one output untouched, one whose writer is only opened, one whose writer fails after three rows."""

import dataiku
from integration.inside.saying import Told, say


def failing(kit: Told) -> None:
    _untouched, opened, written = kit["filled"]
    say("begun", True)
    left_open = dataiku.Dataset(opened).get_writer()
    say("opened", type(left_open).__name__)
    with dataiku.Dataset(written).get_writer() as writer:
        for _ in range(3):
            writer.write_row_dict({"text": "new"})
        say("written", 3)
        raise RuntimeError("on purpose: the kit looks at what is left of these rows")
