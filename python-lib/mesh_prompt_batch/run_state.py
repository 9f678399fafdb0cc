"""What the run folder says of the last run: who works, how far it came, and where its answers lie."""

import json
import re
from dataclasses import asdict, dataclass, replace

from mesh_prompt_batch.answer_block import NewerFormatError

FORMAT = 1
ASKING, WRITING, CLOSED = "asking", "writing", "closed"
UNREADABLE = ""
# What lies there may be no state of ours, and whoever may write into the folder can put anything there.
LONGEST = 64 * 1024
_EPOCH = re.compile(r"[\w-]{1,80}", re.ASCII)
_LONGEST_TEXT, _MOST = 1_000, 1 << 62


@dataclass(frozen=True, slots=True)
class RunState:
    """One object of the run folder.

    `epoch` names the folder of the answers. `phase`: rows are being asked (or were, when the run ended), the output is
    being written, or all is done and the next run starts afresh. `owner` is the run at work, "" when none is; its
    process is known by `process` where both runs are on one machine. `beat` grows while the owner lives. The phase is
    UNREADABLE where something lies there that tells nothing.
    """

    epoch: str
    phase: str = ASKING
    saved: int = 0
    owner: str = ""
    process: str = ""
    beat: int = 0

    def to_bytes(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "RunState":
        """UNREADABLE where it was cut short or is something else. Raises NewerFormatError."""
        try:
            told = json.loads(data)
            if told.pop("format") > FORMAT:
                raise NewerFormatError("The state of the last run is newer than this plugin.")
            state = cls(**told)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return cls("", UNREADABLE)
        return state if state._is_of_use() else cls("", UNREADABLE)

    def _is_of_use(self) -> bool:
        texts, counts = (self.epoch, self.owner, self.process), (self.saved, self.beat)
        return (
            self.phase in (ASKING, WRITING, CLOSED)
            and all(isinstance(it, str) for it in texts)
            and max(map(len, texts)) <= _LONGEST_TEXT
            # It becomes part of objects' names: no dots or slashes lead elsewhere.
            and bool(_EPOCH.fullmatch(self.epoch))
            and all(type(it) is int and 0 <= it < _MOST for it in counts)
        )

    def released(self) -> "RunState":
        return replace(self, owner="", process="")
