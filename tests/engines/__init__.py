"""Real engines for the tests: DynamoDB Local and ministack, and parts of the SAM CLI, fetched on first use.

They are kept in a cache outside the tree (``HOLDOFF_ENGINES_CACHE``, or ``holdoff-engines`` under
``XDG_CACHE_HOME``), and never committed: DynamoDB Local's licence forbids redistribution.

    from tests.engines.dynamodb_local import dynamodb_local

    with dynamodb_local() as endpoint_url:
        ...

By hand: ``python -m tests.engines fetch`` and ``python -m tests.engines run dynamodb-local``.
"""
