"""A survey on workers that SLURM starts, by dask-jobqueue (`pip install 'lossnav[cluster]' dask-jobqueue`).

    python slurm_survey.py --jobs 8 --threads 4 --memory 8GB survey mine.py --grid 101x101 --out /shared/mine.zarr
    python slurm_survey.py --gpu --jobs 8 survey mine.py --device cuda --out /shared/mine.zarr
    python slurm_survey.py --dry-run survey mine.py     # the job's script, without SLURM

Every job is one worker of one task at a time, so one for each GPU. It runs on a node that all machines see the problem's file
from; for GPUs on one that has such a GPU too, as θ₀, the way that the network is run and the plane's fidelity are found there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from dask_jobqueue import SLURMCluster
from distributed import Client


def options() -> argparse.Namespace:
    """What the command line says; all that follows its own options is lossnav's."""
    parser = argparse.ArgumentParser(description="Run a lossnav survey on workers that SLURM starts.")
    parser.add_argument("--jobs", type=int, default=8, help="workers")
    parser.add_argument("--threads", type=int, default=1, help="of each evaluation, which are the job's cores")
    parser.add_argument("--memory", default="8GB", help="of each worker")
    parser.add_argument(
        "--walltime", default="04:00:00", help="after which SLURM ends a job; a tile that it ends is measured again"
    )
    parser.add_argument("--queue", help="SLURM's partition")
    parser.add_argument("--account", help="whom SLURM bills")
    parser.add_argument("--interface", help="the network that nodes reach each other by, such as ib0")
    parser.add_argument("--gpu", action="store_true", help="one GPU for each worker")
    parser.add_argument("--dry-run", action="store_true", help="print the job's script, and start nothing")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="survey TARGET …, as after `lossnav`")
    return parser.parse_args()


def workers(asked: argparse.Namespace) -> SLURMCluster:
    """A scheduler in this process, whose workers are SLURM's jobs."""
    return SLURMCluster(
        cores=1,  # tasks at a time, not processor cores
        processes=1,
        job_cpu=asked.threads,
        memory=asked.memory,
        walltime=asked.walltime,
        queue=asked.queue,
        account=asked.account,
        interface=asked.interface,
        scheduler_options={"dashboard_address": ":0"},  # any port that is free
        job_extra_directives=["--gres=gpu:1"] if asked.gpu else [],
        job_script_prologue=[f"export OMP_NUM_THREADS={asked.threads}"],
    )


def main() -> int:
    """Start the workers, and run the command on them as they come."""
    asked = options()
    with workers(asked) as cluster:
        if asked.dry_run:
            print(cluster.job_script())
            return 0
        cluster.scale(jobs=asked.jobs)
        with Client(cluster) as client:
            client.wait_for_workers(1)  # for as long as the queue takes; later ones join in
        words = ["lossnav", *asked.command, "--cluster", cluster.scheduler_address]
        return subprocess.run(words, check=False, env={**os.environ, "OMP_NUM_THREADS": str(asked.threads)}).returncode


if __name__ == "__main__":
    sys.exit(main())
