"""The proof: the product as in production, everything around it broken, and a reckoning at the end.

    make faults                        100,000 events with every fault, on the default broker
    make faults ARGS="--help"          all that can be chosen

What runs and how it breaks: `world`, `services`, `servers`, `proxy`, `faults` (in `breaking`, by
what they break), `plan`, `schedule`, and the bugs that are planted to show that the harness can
fail: `bugs`. What is sent, and whether all of it came to what it owes: `traffic`, `sender`,
`downstream`, `watch`, `reckoning`, `refusals`, `excuses`, `unbroken`, `report`.
"""
