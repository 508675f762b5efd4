"""Every reader against inputs that were spoilt by chance: an answer or one sentence, in bounded time and memory, nothing else.

`python -m benchmarks.fuzz --count 10000` for all of them; the suite runs 300 each.
"""
