"""What runs of other partitions are told by the names of small objects: who is at work, and what it claims."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

LEASES = "leases"
# Claims are told in whole numbers: sums of them are exact.
WHOLE = 1_000_000
_LEFT = "left"
# Half of a character pair has no place in a name.
_NAME = re.compile(
    rf"([^\ud800-\udfff\n]+)-([0-9a-f]{{1,32}})-([0-9]{{1,18}})-([0-9]{{1,7}}|{_LEFT})"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """One of a run's, with the highest `beat` the newest.

    `claim`: of WHOLE, the most that the run uses of every limit; None when the run has left.
    """

    partition: str
    run: str
    beat: int = 0
    claim: int | None = 0

    @property
    def name(self) -> str:
        """All that is told is in the name: no torn write loses it, and one listing shows everybody's."""
        claim = _LEFT if self.claim is None else f"{self.claim:07d}"
        return f"{quote(self.partition, safe=' ')}-{self.run}-{self.beat:08d}-{claim}"

    @classmethod
    def from_name(cls, name: str) -> "Lease | None":
        """None where it is another object's."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        claim = None if found[4] == _LEFT else int(found[4])
        lease = cls(unquote(found[1]), found[2], int(found[3]), claim)
        return lease if lease.name == name and (claim or 0) <= WHOLE else None
