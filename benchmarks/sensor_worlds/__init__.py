"""Sensor logs with a known answer: any kind of intervention, any policy, and logs from which nothing can be learned.

K variables c and some nuisance values e; half of e is autoregressive (.9), half is white, all of variance 1. Each step

    mean_i = memory * c_i + drift_i(parents of i)        drift_i: a random tanh network of one or two other variables
    c_i'   = mean_i + 0.3 n                              n standard normal; 0.3 is the deviation of a step

An intervention changes the second line ("strength" s is 1 unless a benchmark says otherwise):

| kind | c_i' in a step with an intervention on i |
|---|---|
| grow | mean_i + (1 + 2 s) 0.3 n |
| shrink | mean_i + 0.3 n / (1 + 9 s) |
| shift | mean_i +- 2 s 0.3 + 0.3 n: two deviations up or down, the same way each time |
| fix | mean_i moved by a share s to +-0.8, and noise of 0.3 + s (0.05 - 0.3), at least 0.05 |
| hold | mean_i +- s (1 - memory) 1.6 + 0.3 n: the variable drifts to another set-point for as long as the level is on |
| rule | mean_i moved by a share s to another rule: memory of the other sign, and a network of other parents |

| policy | which variables are intervened on |
|---|---|
| single | at most one, each in 10 % of the rows |
| independent | each by itself, in 10 % of the rows |
| grouped | one group per row: variable i has the binary code i + 1, group g holds all with bit g; one group is empty |
| held | each is on or off, and switches with probability .03 |
| half | each by itself, in half of the rows |
| few | each in exactly `num_interventions` rows, spread at random |

Grouped shifts and levels of five variables cannot be told apart from the effects alone: each of the three groups moves
the mean in one direction, so that three directions stand for five variables.

A fault makes a log from which something cannot be learned:

| fault | what is wrong | what the answer is |
|---|---|---|
| dead | interventions on c0 do nothing | c0 is not there |
| thermostat | the column of c0 is on from c0 < -0.5 until c0 > 0.5 and does nothing | c0 is not there |
| twins | c0 and c1 have the same targets but for 1 % of the rows | c0 and c1 can hardly be told apart |
| coupled | interventions on c0 move c1 too, and c1 has no column | c0's slot holds both |
| shuffled | the log is in random order | nothing is there |
| late | the log comes three rows late | nothing is there, unless interventions last |

The observation is z = A (c / 0.8, e) with a random orthogonal matrix A ("linear"), or z = A' f(A (c / 0.8, e)) with
f(u) = u + 3 tanh(2 u) ("smooth"). A linear probe of c from z reaches an R2 of about .92 there.
"""

from .records import Record, record
from .world import FAULTS, KINDS, MIXINGS, POLICIES, SensorWorld

__all__ = ["FAULTS", "KINDS", "MIXINGS", "POLICIES", "Record", "SensorWorld", "record"]
