"""Jobs in processes of their own; the tasks are functions of Python's that a worker can import."""

import math
import os
from contextlib import closing

import pytest

from whelp.making.workers import Failure, run_jobs


@pytest.mark.parametrize("processes", [1, 3])
def test_each_job_gets_its_result(processes: int) -> None:
    jobs = [4.0, 9.0, -1.0, 16.0]
    results = dict(run_jobs(math.sqrt, jobs, processes))
    failure = results.pop(2)
    assert results == {0: 2.0, 1: 3.0, 3: 4.0}
    assert isinstance(failure, Failure) and failure.message and not failure.is_system


@pytest.mark.parametrize("processes", [1, 2])
def test_errors_of_the_system_are_told_apart(processes: int) -> None:
    results = dict(run_jobs(os.listdir, ["/lost", "/"], processes))
    assert results[0] == Failure("/lost: No such file or directory", is_system=True)
    assert isinstance(results[1], list)


def test_a_worker_that_dies_fails_its_job_and_is_replaced() -> None:
    results = dict(run_jobs(os._exit, [3, 4], 2))
    assert {failure.message for failure in results.values()} == {
        "its process ended with code 3",
        "its process ended with code 4",
    }


def test_results_may_be_left_before_the_last(capfd: pytest.CaptureFixture[str]) -> None:
    with closing(run_jobs(math.sqrt, [float(n) for n in range(50)], 2)) as results:
        next(results)
    assert capfd.readouterr().err == ""


def test_what_a_task_prints_does_not_get_into_the_results(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert dict(run_jobs(print, ["a", "b"], 2)) == {0: None, 1: None}
    assert sorted(capfd.readouterr().err.split()) == ["a", "b"]
