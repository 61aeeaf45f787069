"""Count what happens, so that a page can show a week of it at once.

    counting           what is still changing, counted anew     the sweep's task, every few seconds
      deliveries         the verified ones, by their rows
      rejections         the others, by what their counts have grown
      attempts           by how they ended
      retention          what is too old goes
    acknowledgements   how long answers took                    each receiver's process, by itself
      latency            the steps that are told apart

All times are the database's, and everything is counted by spans of five minutes.
"""
