"""
Three estimators of a KL divergence: shape, bias, and spread
============================================================

Figure of :doc:`/alignment/grpo`: what k1, k2, and k3 give for one sample, and how far
they scatter around the divergence of two normal distributions.
"""

import matplotlib.pyplot as plt
import torch
from torch.distributions import Normal, kl_divergence

from snippets.alignment.grpo import k1, k2, k3

torch.manual_seed(0)
SAMPLES = 1_000_000
ESTIMATORS = {"k1": k1, "k2": k2, "k3": k3}
DISTANCES = (0.1, 0.2, 0.4, 0.7, 1.0, 1.3, 1.6)

policy = Normal(torch.tensor(0.0, dtype=torch.float64), 1.0)
draws = policy.sample((SAMPLES,))
log_probs = policy.log_prob(draws)
true, bias, spread = [], [], []
for distance in DISTANCES:
    reference = Normal(torch.tensor(distance, dtype=torch.float64), 1.0)
    true.append(kl_divergence(policy, reference))
    ref_log_probs = reference.log_prob(draws)
    found = torch.stack([k(log_probs, ref_log_probs) for k in ESTIMATORS.values()])
    bias.append(found.mean(dim=1) / true[-1] - 1)
    spread.append(found.std(dim=1) / true[-1])
    if distance == 1.0:
        negative = (found[0] < 0).double().mean()
true, bias, spread = (torch.stack(values) for values in (true, bias, spread))

fig, (left, side) = plt.subplots(1, 2, figsize=(6.8, 3.0), layout="constrained")
log_u = torch.linspace(-2, 2, 101)
for n, (name, estimator) in enumerate(ESTIMATORS.items()):
    style = ["-", "--", ":"][n]
    left.plot(log_u, estimator(-log_u, torch.zeros(101)), f"C{n}{style}", label=name)
    side.loglog(true, spread[:, n], f"C{n}{style}" + "osx"[n], label=name)
left.axhline(0, color="0.5", linewidth=0.8)
left.set(xlabel="log u of a sample", ylabel="estimate, nats")
left.legend()
side.set(xlabel="true KL divergence, nats", ylabel="std. deviation / true KL")
side.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
side.minorticks_off()
fig.set_label(
    "Left: k1 is a falling line that is negative for positive log u; k2 and k3 are "
    "curves that touch zero at log u = 0; k3 rises faster on the right. Right, "
    f"standard deviations: at a divergence of {true[0]:.3f} nats "
    + ", ".join(f"{n} {x:.1f}" for n, x in zip(ESTIMATORS, spread[0], strict=True))
    + f"; at {true[-1]:.2f} nats "
    + ", ".join(f"{n} {x:.1f}" for n, x in zip(ESTIMATORS, spread[-1], strict=True))
    + " times the divergence."
)
one = DISTANCES.index(1.0)
measured = {"negative": negative, "true_far": true[-1]}
measured |= {"k2_bias_large": bias[one, 1], "k3_bias_large": bias[one, 2]}
for n in (0, 2):
    measured |= {f"k{n + 1}_sd_small": spread[0, n], f"k{n + 1}_sd_far": spread[-1, n]}
    measured |= {f"k{n + 1}_sd_large": spread[one, n]}
assert spread[0, 2] < spread[0, 0] / 10
assert spread[-1, 2] > spread[-1, 0]
