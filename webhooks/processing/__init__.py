"""From a durable row to its effects.

In this order: dispatch, tasks, events, projection, routing, requests, planning, hints, work,
claims, effects, verdicts, retry, sweep.
"""
