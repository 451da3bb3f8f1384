"""Pictures of records: bias against temperature, bias and variance, orders of accuracy, who wins, speed.

Each function draws into ``ax``, or into axes of a new figure, and returns the
axes; ``axes.figure.savefig(path)`` writes them. No global state of matplotlib is
touched. Colours are told apart by the colour-blind, markers and dashes in grey,
and the legend stands beside the data.
"""

from verify.plots.maps import who_wins
from verify.plots.pages import page
from verify.plots.places import bias_against_temperature, bias_and_variance
from verify.plots.studies import order_of_accuracy, speed

__all__ = ["bias_against_temperature", "bias_and_variance", "order_of_accuracy", "page", "speed", "who_wins"]
