"""What surrounds a job's process: its directory, its quota of disk, its resolver of names."""

import itertools
import os
import resource
import socket
from collections.abc import Sequence
from typing import Any

from local_dss.behaviour import Behaviour


def arrange(behaviour: Behaviour) -> None:
    """As `behaviour` says; the rest stays as it is."""
    if behaviour.working_directory:
        os.chdir(behaviour.working_directory)
    if behaviour.largest_file is not None:
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (behaviour.largest_file, most))
    if behaviour.failing_lookups:
        _fail_lookups(behaviour.failing_lookups)


def _fail_lookups(which: Sequence[int]) -> None:
    look_up, numbers = socket.getaddrinfo, itertools.count(1)

    def failing(*args: Any, **options: Any) -> Any:
        if next(numbers) in which:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return look_up(*args, **options)

    socket.getaddrinfo = failing
