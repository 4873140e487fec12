"""The cache as models see it: an adapter for each model, in a file of its name."""

import torch

# Operators on a few numbers, by the million: threads of torch only wait for each other.
torch.set_num_threads(1)
