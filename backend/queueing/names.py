"""Queues, job functions and lifetimes, agreed by the processes that enqueue and those that work."""

INTERACTIVE = "interactive"
# Batches without a project, and the first part of the names of the projects' own queues of batches.
INFERENCE = "inference"
# Quick: a worker of its own reads corrections while another one trains for hours.
INGEST = "ingest"
TRAINING = "training"
INFERENCE_QUEUES = (INTERACTIVE, INFERENCE)
LEARNING_QUEUES = (INGEST, TRAINING)
ALL_QUEUES = (*INFERENCE_QUEUES, *LEARNING_QUEUES)

RUN_PREDICT = "backend.jobs.predict.run_predict"
RUN_DESCRIBE_LABELS = "backend.jobs.describe_labels.run_describe_labels"

# Seconds. A result waits for a web process or a prelabel run that is already asking for it.
RESULT_LIFETIME = 600
FAILURE_LIFETIME = 7 * 24 * 3600
PREDICT_TIMEOUT = 600
# What a batch that gave way has painted. Nobody waits for a job for so long; after it all is painted again.
KEPT_LIFETIME = 3600
# How often a job that killed its worker, or raised, is tried again.
PREDICT_RETRIES = 2
