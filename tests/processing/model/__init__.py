"""A model of the effect's life: every order in which things can happen, on the real SQL.

    world     what a state is: rows, what each worker has in hand, what the vendor has applied
    rows      Postgres' part of it: read, put back, told apart
    moves     what workers, vendors, time and senders can do in a state, by the product's functions
    people    what operators can do: retry, close, replay, pause
    vendor    the vendor, as the product meets it
    rules     what must hold in every state and across every move
    fairness  from every state, the sweep and one healthy worker bring everything to an end
    checker   all states that moves lead to, each once, nearest first
    scenes    where it begins, and what is bounded so that it ends
    bugs      what the model has to find

Two workers take part. A worker may die, or be stopped for longer than its lease and go on, between
any two of its transactions: claim, call, result. Messages are not told of: a worker may look for
work at any time, which is what a message that is late, doubled or redelivered comes to; and to
come to an end it must be enough what the sweep sends. The budget lets everybody in.

One connection does it all. So this shows every order of whole transactions, and no race within
one; those are shown with several connections in `test_races` and `test_effect_races`.
"""
