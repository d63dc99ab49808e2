"""Converts networks to every form there is: ``samnet convert all MODEL…``.

Calibration is done once a process, each recipe's program is made once, and forms of one checkpoint
share what an engine makes on the way. A form that fails becomes a row; the others go on.
"""

from __future__ import annotations

import sys
import time

from common.command import Command
from common.errors import InputError
from convert.all.options import Options
from convert.all.parallel import job_count, parallel_rows
from convert.all.result_rows import table
from convert.all.work import Work
from edge_apps.manifest import manifest_path


def main(options: Options) -> None:
    """Convert everything, print the table, and end with status 1 if a row failed.

    Raises:
        InputError: for wrong input, before anything is converted.
    """
    from common.result_file import environment, write_json

    began = time.monotonic()
    work = Work(options)
    tasks = list(work.tasks())
    if not tasks:
        raise InputError("no form fits these models and options; leave some of the options out")
    taken = [t.path for t in tasks if t.path.exists() or manifest_path(t.path).exists()]
    taken += [options.json] if options.json and options.json.exists() else []
    if taken and not options.overwrite:
        raise InputError(f"{taken[0]}: already exists; pass --overwrite or another --output")
    jobs = job_count(work, tasks)
    rows = list(work.rows(tasks) if jobs == 1 else parallel_rows(work, tasks, jobs))
    print(table(rows))
    print(f"{options.output}: {time.monotonic() - began:.0f} s in all")
    if options.json:
        values = {"environment": environment(), "rows": [row.to_dict() for row in rows]}
        write_json(options.json, values, overwrite=options.overwrite)
    if any(row.failure for row in rows):
        sys.exit(1)


COMMAND = Command.of(Options, main, "Converts networks to every form there is.")
