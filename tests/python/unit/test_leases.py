"""What is read in names of objects that others chose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.leases import WHOLE, Lease


@given(
    st.text()
    | st.from_regex(r".{1,5}-[0-9a-f]{1,33}-[0-9]{1,19}-([0-9]{1,8}|left)", fullmatch=True)
    | st.from_regex(r"[a-z%0-9/ ]{1,9}-[0-9a-f]{1,12}-[0-9]{8}-([0-9]{7}|left)", fullmatch=True)
)
def test_a_name_is_that_of_a_lease_or_none(name: str) -> None:
    lease = Lease.from_name(name)
    assert lease is None or lease.name == name


@pytest.mark.parametrize(
    "name",
    [
        *("p-ab-7-0500000", "p-ab-00000007-500000", "a/p-ab-00000007-0500000"),
        *("p-ab-00000007-1000001", "p-ab-00000007-9999999", "%7e-ab-00000007-left"),
    ],
)
def test_a_name_that_no_run_gives_claims_nothing(name: str) -> None:
    assert Lease.from_name(name) is None


def test_a_claim_of_the_whole_is_one() -> None:
    assert Lease.from_name(Lease("p", "ab", 7, WHOLE).name) == Lease("p", "ab", 7, WHOLE)
