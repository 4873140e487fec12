"""The cache under load: many requests of many lengths, and what becomes of their tokens.

    workload      requests: lengths, shared prefixes, arrivals, cancellations
    prefixes      pages of prompts that the prefill node has computed before
    drafting      a decode node that drafts tokens and verifies them
    oracle        what a request comes to when nothing else runs
    serving       one server, tick by tick, whatever its protocol
    handoff       two nodes, and the monitor that may abort what they serve
    two_tiers     one cache, whose prefixes come from host memory or go there
    layers        ranks that each keep some layers, a batch at a time
    running       the whole workload, shift by shift
    counting      what is counted of every attempt
    report        the summary: tables, JSON and plots
    writing       serving state as JSON lines, and cases for postmortem

`python -m reference_impl.load --help`
"""
