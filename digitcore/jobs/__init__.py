"""Jobs outside the server process: tasks, a queue, and Dask workers that run them."""
