"""Exploration: every order in which the calls of a scenario's principals can come, on forks of one world.

A run plays the one order in the file. In truth the source's operator and the target's importer act on their own, and
somebody else may disable a key meanwhile. What one must believe:

- **Tracks.** The calls of each principal (`as:`) are a track, in the order of the file; moves of the clock are one of
  their own. An interleaving takes the next call of any track. A *disturbance* is a call by somebody that may come at
  any point, once at most, or not at all; `at-most` says how many of them in one order. With `in-order` all calls are
  one track: everybody waits for everybody. A call whose parameters refer to a result that is not there yet is not
  enabled. The set-up (`given`) is done once, before.
- **Every step keeps its state of the machine**: the one it has when the steps are walked along what they expect
  (`reseal check` does so). Tracks have no common program counter, so "where the machine is" means nothing between
  them; what a state says of its call does: its rows name what the workflow has thought of as outcomes of that call,
  whenever it is made. Hence an outcome is judged by the rows of the step's own state:

      leads on as the scenario expects      the track goes on
      leads to an end that is ok            that end is promised; it is reached when every track is through
      leads to an end that is not ok        the run has ended there, at once: nobody has been told to go on
      leads to a state without a step       `unfinished`: the machine goes on and the scenario does not
      has no row                            `unforeseen`

  Where no call is enabled though tracks have some left, or all are through and no end was promised, the run is
  `unfinished` too. What `aside` steps and disturbances come to is not judged: they are part of the world, not of the
  workflow. After an end that is ok disturbances go on: it has to last.
- **States are merged** when they are equal: the place in each track, which disturbances happened, what is promised and
  unmet, what the calls answered, and the world's fingerprint (`app.kernel.fingerprint`). So `n` calls each cost the
  states, not the orders. Calls that read the trail see the order itself: with one of those nothing is merged.
- **Ends are told apart** by the machine's end, the call and outcome that led there, and by who can then read what the
  steps made (tried: as the root of each account, in a fork).
- **A surprise** is an end that nobody declared: `unforeseen` and `unfinished`; an end that is ok with a contract unmet
  on the way, or in which its own account can not read what the last step made; and, where the scenario declares its
  ends (`explore: ends:`), any other.

    tracks, disturb   what can be called: a plan         search        the states, breadth first: shortest paths first
    ends, judge       what an end is, and its verdict     check         mistakes in `explore:`, before anything runs
    report, write     what is shown, and a path as a scenario file     session       all of it put together
    picture           states and shortest paths as SVG                 cases         JUnit, annotations: what CI is told
"""
