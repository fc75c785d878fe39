"""Functions that tests run in worker processes, which can import modules of this folder only."""

import os
import signal


def describe_worker(number):
    """Return the process and how many threads each library there would use."""
    import numba
    import numpy  # noqa: F401
    import SimpleITK
    from threadpoolctl import threadpool_info

    threads = {library["num_threads"] for library in threadpool_info()}
    threads |= {SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads()}
    threads |= {numba.config.NUMBA_NUM_THREADS}
    return number, os.getpid(), threads


def fail_at_two(number):
    if number == 2:
        raise FileNotFoundError("two")
    return number


def end_at_two(number):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
