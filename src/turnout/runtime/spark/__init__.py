"""What a run that is launched by spark-submit needs on its target: Spark and Java, settings, what executors get, the cluster.

Lives here: finding an installation, reading and checking Spark's settings, packing what executors can't see, and following
an application on its cluster. Nothing here starts the script: that is `launchers/spark.py`, and the supervisor's to do.
"""
