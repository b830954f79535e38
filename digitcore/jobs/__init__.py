"""Work away from the server: a queue of jobs that Dask workers run."""
