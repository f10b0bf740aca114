"""Who plays the trials: processes of this machine, or a Dask cluster. Each holds the data once."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

from autotrader_v2.app.worker_process import serve_the_parent
from autotrader_v2.search.drive import Batch, try_all
from autotrader_v2.search.space import Space
from autotrader_v2.search.splits import Split
from autotrader_v2.search.trials import Ask, Machine

_CONNECT_S = 20


class ClusterUnavailable(RuntimeError):
    """The cluster cannot be used; the message says why and what to do."""


class Job:
    """What every trial of a search needs."""

    def __init__(self, machine: Machine, space: Space, split: Split) -> None:
        self.machine, self.space, self.split = machine, space, split

    def __call__(self, asks: Sequence[Ask]) -> Batch:
        return try_all(self.machine, self.space, self.split, asks)


class Here:
    """`Workers`: a thread of this process, for one job at a time; nothing is begun or copied."""

    slots = 1

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pool = ThreadPoolExecutor(1)

    def submit(self, asks: Sequence[Ask]) -> "Future[Batch]":
        """See `Workers`."""
        return self._pool.submit(self._job, asks)

    def close(self) -> None:
        """End it."""
        self._pool.shutdown(cancel_futures=True)


class Processes:
    """`Workers` on this machine. They are begun afresh, so that they take nothing along but the job."""

    def __init__(self, job: Job, count: int) -> None:
        self.slots = count
        self._pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin, initargs=(job,))

    def submit(self, asks: Sequence[Ask]) -> "Future[Batch]":
        """See `Workers`."""
        return self._pool.submit(_work, asks)

    @property
    def pids(self) -> list[int]:
        """Those that have begun."""
        return list(self._pool._processes)

    def close(self) -> None:
        """End them."""
        self._pool.shutdown(cancel_futures=True)


# Modules of Python work wherever mTrade's own Python does; a `dask` on the PATH may be another's, or none.
DASK_SCHEDULER = "python -m distributed.cli.dask_scheduler"
DASK_WORKER = "python -m distributed.cli.dask_worker"


class Cluster:
    """`Workers` of a Dask cluster; mTrade must be importable there, in the same version."""

    def __init__(self, job: Job, address: str) -> None:
        import distributed

        connect: Any = distributed.Client
        try:
            self._client = connect(address, timeout=_CONNECT_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterUnavailable(
                f"No Dask scheduler answers at {address}: {error}. In the folder of mTrade, start one with "
                f"`{DASK_SCHEDULER}` and workers with `{DASK_WORKER} ADDRESS`."
            ) from error
        self.slots = sum(self._client.nthreads().values())
        if not self.slots:
            self._client.close()
            raise ClusterUnavailable(
                f"The Dask cluster at {address} has no workers. "
                f"Start some in the folder of mTrade: {DASK_WORKER} {address}"
            )
        self._job = self._client.scatter(job, broadcast=True, hash=False)
        self._executor = self._client.get_executor(pure=False)

    def submit(self, asks: Sequence[Ask]) -> "Future[Batch]":
        """See `Workers`."""
        future: Future[Batch] = self._executor.submit(_call, self._job, asks)
        return future

    def close(self) -> None:
        """Leave the cluster; it stays as it is."""
        self._executor.shutdown()
        self._client.close()


_job: Job | None = None


def _begin(job: Job) -> None:
    global _job  # noqa: PLW0603 - a worker process has one job for its whole life
    _job = job
    serve_the_parent()


def _work(asks: Sequence[Ask]) -> Batch:
    if _job is None:
        raise RuntimeError("the worker was not told its job")
    return _job(asks)


def _call(job: Callable[[Sequence[Ask]], Any], asks: Sequence[Ask]) -> Any:
    return job(asks)
