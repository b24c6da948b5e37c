import pytest

from backend.errors import RequestError
from backend.web.admission import Admission


def test_places_are_given_up_to_the_limit_and_come_back() -> None:
    admission = Admission(limit=2)
    with admission.admit(), admission.admit():
        assert admission.held == 2
        with pytest.raises(RequestError) as caught, admission.admit():
            pass
        assert (caught.value.status, caught.value.code) == (503, "busy")
    assert admission.held == 0


def test_a_place_comes_back_from_a_request_that_failed() -> None:
    admission = Admission(limit=1)
    with pytest.raises(KeyError), admission.admit():
        raise KeyError
    with admission.admit():
        assert admission.held == 1
