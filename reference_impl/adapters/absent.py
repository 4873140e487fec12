"""Barriers of the models that the cache does not have as switches, and those that it has under
another name."""

SAME = {
    "error_waits_for_siblings": "failure_waits_for_writes",
    "abort_waits_for_handles": "answer_waits_for_writes",
}
"""Barriers of `rdma_write_completion` that `slot_lifecycle` has under another name."""


ASSUMED = "a promise about the world: no code keeps it, and the runs break it where it is off"
ABSENT = {
    "timeout_outlasts_writes": ASSUMED,
    "aborts_arrive": ASSUMED,
    "answers_arrive": ASSUMED,
    "nodes_stay_reachable": ASSUMED,
    "loads_succeed": ASSUMED,
    "handle_is_counted": "inside the transfer library: what a handle's memory is, no cache can say",
}
"""Barriers of the models that are no switch here, each with the reason."""
STEP_IS_WAITED_FOR = (
    "a speculative step begins where the last one ended, which the host reads from its result, so "
    "no step is under way when the monitor aborts"
)
ABSENT_FROM_THE_MONITOR = {
    "abort_is_deferred": STEP_IS_WAITED_FOR,
    "seen_completion_frees": STEP_IS_WAITED_FOR,
    "launch_waits_for_verdict": STEP_IS_WAITED_FOR,
}
"""Barriers of `speculation_monitor` that are no switch of the monitor."""
