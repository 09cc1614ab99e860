"""Mutation testing of the rules (``core/machine.py``, ``protocol.py``, ``policy.py``): ``make mutants``.

``mutations`` makes the mutants, ``run`` tries each in a process of its own, ``report`` judges the run by
``survivors.toml``, where each survivor is argued for.
"""
