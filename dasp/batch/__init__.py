"""Many files, each once, whatever happens: jobs, the processes that do them, and a journal."""

from dasp.batch.job import Job
from dasp.batch.journal import Journal
from dasp.batch.process_file import ProcessFile
from dasp.batch.run import plan, run
from dasp.batch.writing import Writing

__all__ = ["Job", "Journal", "ProcessFile", "Writing", "plan", "run"]
