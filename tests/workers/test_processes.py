"""Jobs in processes of their own; the tasks are functions of Python's that a worker can import."""

import math
import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from whelp.workers import Failure, Processes


@pytest.mark.parametrize("processes", [1, 3])
def test_each_job_gets_its_result(processes: int) -> None:
    jobs = [4.0, 9.0, -1.0, 16.0]
    results = dict(Processes(processes).run(math.sqrt, jobs))
    failure = results.pop(2)
    assert results == {0: 2.0, 1: 3.0, 3: 4.0}
    assert isinstance(failure, Failure) and failure.message and not failure.is_system


@pytest.mark.parametrize("processes", [1, 2])
def test_errors_of_the_system_are_told_apart(processes: int) -> None:
    results = dict(Processes(processes).run(os.listdir, ["/lost", "/"]))
    assert results[0] == Failure("/lost: No such file or directory", is_system=True)
    assert isinstance(results[1], list)


def test_a_worker_that_dies_fails_its_job_and_is_replaced() -> None:
    results = dict(Processes(2).run(os._exit, [3, 4]))
    assert {failure.message for failure in results.values()} == {
        "its process ended with code 3",
        "its process ended with code 4",
    }


def test_results_may_be_left_before_the_last(capfd: pytest.CaptureFixture[str]) -> None:
    with closing(Processes(2).run(math.sqrt, [float(n) for n in range(50)])) as results:
        next(results)
    assert capfd.readouterr().err == ""


def test_what_a_task_prints_does_not_get_into_the_results(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert dict(Processes(2).run(print, ["a", "b"])) == {0: None, 1: None}
    # Two processes write there, and a line's end may come behind the other's line.
    assert sorted("".join(capfd.readouterr().err.split())) == ["a", "b"]


@pytest.mark.parametrize("processes", [1, 2])
def test_jobs_are_taken_as_they_are_needed(processes: int) -> None:
    taken = 0

    def jobs() -> Iterator[float]:
        nonlocal taken
        for taken in range(1, 101):
            yield float(taken)

    ahead, places = 0, []
    for at, _ in Processes(processes).run(math.sqrt, jobs()):
        places.append(at)
        ahead = max(ahead, taken - len(places))
    assert sorted(places) == list(range(100))
    # One process is worth its start from 24 jobs on.
    assert ahead <= (24 if processes == 1 else 4)


def test_what_goes_wrong_with_the_jobs_themselves_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        dict(Processes(2).run(math.sqrt, (1 / (3 - n) for n in range(5))))


def test_a_job_may_have_its_own_process_and_environment() -> None:
    here = Processes(1, environment={"WHELP_TEST": "there"})
    assert dict(here.run(os.getenv, ["WHELP_TEST"])) == {0: None}
    apart = Processes(1, threads=3, environment={"WHELP_TEST": "there"}, apart=True)
    assert dict(apart.run(os.getenv, ["WHELP_TEST", "OMP_NUM_THREADS"])) == {0: "there", 1: "3"}


def test_an_error_that_nobody_foresaw_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    (failure,) = dict(Processes(1, apart=True).run(len, [3])).values()
    assert failure == Failure("TypeError: object of type 'int' has no len()", is_system=True)
    assert "Traceback" in capfd.readouterr().err
