"""A worker as `dcs worker` runs it, with another of Celery's pools, to compare them.

https://docs.celeryq.dev/en/stable/userguide/concurrency/index.html

    python -m bench.pool threads 4
"""

from __future__ import annotations

import click

from cli.tier import begin


@click.command()
@click.argument("pool", type=click.Choice(["prefork", "threads"]))
@click.argument("size", type=click.IntRange(1))
def main(pool: str, size: int) -> None:
    """Run a worker with a pool of that kind and size, in the foreground."""
    settings, redis_url = begin("worker")
    from worker.app import create_celery

    create_celery(settings, redis_url).worker_main(
        [
            "worker",
            f"--pool={pool}",
            f"--concurrency={size}",
            f"--loglevel={settings.log_level}",
            "--without-gossip",
            "--without-mingle",
        ]
    )


if __name__ == "__main__":
    main()
