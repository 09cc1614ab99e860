"""Chaos on the real thing: processes killed with SIGKILL, and faults on every wire, against real engines.

    python -m tests.chaos --store all --kills 1000 --faults 10000

Several processes, two threads each, pull the triggers and wakes of a few gates, with real ``Gate`` objects on a SQLite
file, PostgreSQL or DynamoDB Local, and start builds with the real ``CodeBuild`` starter at the stand-in, which honours
tokens. They are killed at random instants and replaced. Then the faults stop, wakes run until nothing is due any more,
and a referee (``referee``) compares what was asked and answered with the builds that really started.

Time runs ``SPEED`` times faster than on the wall, for all of it: the clock of the gates and of the stand-in, and
botocore's time-outs and waits. So a lease of a minute takes three seconds, and every proportion between leases,
time-outs, cooldowns and the memory of tokens is the one of production.

What happens when is drawn from the seed; which process gets how far meanwhile is not, so a seed does not repeat a run.
"""
