"""VariationalModel: encoder, decoder, flow, assignment and transition prior, trained together (CITRIS-VAE).

The loss of a transition (Lippe et al., ICML 2022, section 4), with one draw x^{t+1} -> e^{t+1} of the encoder's
Gaussian q and z = flow(e):

    reconstruction  squared error of the decoded e^{t+1}, summed over pixels; not for the first frame of a window
    kl              beta times KL(q(z^{t+1} | x^{t+1}) || p(z^{t+1} | z^t, I^{t+1})), marginalised over psi
    noise_bonus     beta lambda_b mean_l (1 - psi(l in noise slot)), with the flow and in training only
    classifier, latents   beta_c times the two losses of the target classifier

Without a flow the KL is in closed form; with one it is estimated by NLL_p(z) - log |det dz/de| + log q(e).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from trisect import checks, gaussian
from trisect.batches import LossTerms, SequenceBatch, Step
from trisect.models.networks.factory import NETWORKS, width_of
from trisect.models.priors.transition import marginalise, standard_normal
from trisect.models.representations.variational import VariationalRepresentation
from trisect.models.shapes import Latents
from trisect.models.slot_model import Parts, SlotModel

START_SEED = 0
"""Seed of the noise in the first batch, to which a flow adapts; only the scale of this noise matters."""


@dataclass(frozen=True)
class VariationalSettings:
    """Settings of the variational model.

    `beta`, together with the number of pixels, sets how much detail the model keeps. The squared error is a *sum* over
    pixels and channels, the KL a sum over latents: frames of twice the side have four times the error for the same
    picture, so that the KL has a quarter of the weight. To keep the balance at another frame size, scale `beta` with
    height x width x channels. If `beta` is too large for the frames, encoding an object costs more than the error it
    saves: latents fall back to the prior one by one (posterior collapse), small objects first. Then lower `beta`, warm
    it up for longer, or give the foreground more weight.

    Attributes:
        num_latents: L, at least the number of targeted variables; None for the number that follows from the number of
            variables, at least 16 (`trisect.models.shapes.default_num_latents`).
        networks: kind of image networks, as in `trisect.models.representations.autoencoder.AutoencoderSettings`;
            vectors use other networks.
        hidden: width of the profile networks, of the dense layers of "conv" and "glimpse", and of networks for vectors.
        channels: channels of the convolutions of the residual and published networks.
        rank: number of outer products of the profile decoder.
        flow_prior: whether a flow maps the encoder's latents to the prior's.
        beta: weight of the KL, in nats per unit of squared error.
        beta_warm_up: fraction of the run over which beta rises linearly from 0.
        noise_discount: lambda; the KL of the noise slot has weight 1 - lambda. Used without a flow only: the KL in
            closed form does not depend on the latents' units, but the NLL of a flow's latents does. With a flow,
            ``noise_bonus`` takes its place.
        noise_bonus: lambda_b, used with a flow: cost in nats, for all latents together, of staying out of the noise
            slot; multiplied by beta, as the KL is. The published value is 0.01, with many more steps to separate what
            no intervention moves from the rest.
        noise_bonus_warm_up: fraction of the run over which the bonus rises linearly from 0. A bonus from the start
            moves latents to the noise slot permanently before they contain anything, so that variables that are learned
            late, such as velocities, end up there.
        classifier: beta_c, weight of both losses of the target classifier; 0 leaves it out.
        foreground: extra weight of pixels by their distance from the pixel's median. 0 is as published; objects of few
            pixels then stay out of the latents (in Ball-in-Boxes no latent of the profile networks is active).
    """

    num_latents: int | None = None
    networks: str = "profile"
    hidden: int = 256
    channels: int = 32
    rank: int = 20
    flow_prior: bool = True
    beta: float = 1.0
    beta_warm_up: float = 0.0
    noise_discount: float = 0.01
    noise_bonus: float = 2.0
    noise_bonus_warm_up: float = 0.0
    classifier: float = 2.0
    foreground: float = 10.0

    def __post_init__(self) -> None:
        whose = "of the variational model"
        checks.one_of(self.networks, NETWORKS, f"the networks {whose}")
        for name in ("hidden", "channels", "rank"):
            checks.size(getattr(self, name), f"{name} {whose}")
        if self.num_latents is not None:
            checks.size(self.num_latents, f"num_latents {whose}")
        for name in ("beta_warm_up", "noise_bonus_warm_up", "noise_discount"):
            checks.in_range(getattr(self, name), f"{name} {whose}", 0.0, 1.0)
        for name in ("noise_bonus", "classifier", "foreground"):
            checks.in_range(getattr(self, name), f"{name} {whose}", 0.0, 1e3)
        checks.in_range(self.beta, f"beta {whose}", 0.0, 1e6, open_low=True)
        checks.require(isinstance(self.flow_prior, bool), f"flow_prior {whose}", "True or False", repr(self.flow_prior))

    @property
    def width(self) -> int:
        """Width of the image networks that the settings name."""
        return width_of(self.networks, self.hidden, self.channels)

    def beta_at(self, progress: float) -> float:
        """Beta after this fraction of the run: rises linearly from 0 over the warm-up, then stays constant.

        Example:
            >>> settings = VariationalSettings(beta=4.0, beta_warm_up=0.5)
            >>> [settings.beta_at(progress) for progress in (0.0, 0.25, 0.5, 0.9)]
            [0.0, 2.0, 4.0, 4.0]
        """
        return self.beta * _warmed_up(progress, self.beta_warm_up)

    def noise_bonus_at(self, progress: float) -> float:
        """Lambda_b after this fraction of the run: rises linearly from 0 over its warm-up, then stays constant."""
        return self.noise_bonus * _warmed_up(progress, self.noise_bonus_warm_up)


def _warmed_up(progress: float, warm_up: float) -> float:
    """Share in [0, 1] of a weight that rises linearly from 0 over the fraction ``warm_up`` of a run."""
    return min(1.0, progress / warm_up) if warm_up > 0 else 1.0


@dataclass(frozen=True)
class Draws:
    """One draw of the posterior of every frame of some windows.

    Attributes:
        mean, log_std: mean and log standard deviation of q(e | x), (batch, time, L).
        sample: e, the encoder's latents, (batch, time, L).
        z: flow(e), (batch, time, L).
        log_det: log |det dz/de|, (batch, time).
    """

    mean: Float[Tensor, "batch time latents"]
    log_std: Float[Tensor, "batch time latents"]
    sample: Float[Tensor, "batch time latents"]
    z: Float[Tensor, "batch time latents"]
    log_det: Float[Tensor, "batch time"]

    @property
    def transitions(self) -> tuple[Latents, Latents]:
        """z^t and z^{t+1} of every transition, (batch * (time - 1), L)."""
        return self.z[:, :-1].flatten(0, 1), self.z[:, 1:].flatten(0, 1)


class VariationalModel(SlotModel[VariationalRepresentation]):
    """A slot model with a variational representation that is trained with the other parts, see `SlotModel`.

    Args:
        parts: see `Parts`; the flow is an empty chain if the settings have no flow.
        variables: names of the targeted variables, in the order of the target columns.
        settings: see `VariationalSettings`.

    Raises:
        ValueError: the parts disagree about the number of latents or of variables.
    """

    classifier_speed = 4.0
    initialised: Tensor

    def __init__(
        self, parts: Parts[VariationalRepresentation], variables: Iterable[str], settings: VariationalSettings
    ):
        super().__init__(parts, variables)
        self.settings = settings
        self.register_buffer("initialised", torch.tensor(False))

    @torch.no_grad()
    def initialise(self, batch: SequenceBatch) -> None:
        """Set the networks' starting points from a first batch, and adapt the flow to a draw of its latents."""
        if bool(self.initialised):
            return
        observations = batch.observations.flatten(0, 1)
        self.representation.initialise(observations)
        mean, log_std = self.representation.posterior(observations)
        noise = standard_normal(mean, torch.Generator(mean.device).manual_seed(START_SEED))
        self.flow.initialise(mean + log_std.exp() * noise)
        self.initialised.fill_(True)

    def draw(self, observations: Float[Tensor, "batch time *observation"], generator: torch.Generator) -> Draws:
        """Draw once from the posterior of every frame, and map the draw through the flow."""
        windows = observations.shape[:2]
        mean, log_std = self.representation.posterior(observations.flatten(0, 1))
        sample = mean + log_std.exp() * standard_normal(mean, generator)
        z, log_det = self.flow(sample)
        return Draws(*(value.unflatten(0, windows) for value in (mean, log_std, sample, z, log_det)))

    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        """Named loss terms of a batch of windows, one value per transition.

        For held-out data there is one term, the negative evidence lower bound up to a constant, with the full beta.
        """
        draws, targets = self.draw(batch.observations, step.generator), batch.targets.flatten(0, 1)
        psi = self._assignment.sample(step.generator)
        kl = self._kl(draws, targets, psi, self.settings.noise_discount if step.training else 0.0)
        reconstruction = self._reconstruction(draws, batch)
        if not step.training:
            return LossTerms(negative_elbo=reconstruction + self.settings.beta * kl)
        beta = self.settings.beta_at(step.progress)
        terms = {"reconstruction": reconstruction, "kl": beta * kl, **self._noise_bonus(beta, step.progress)}
        return LossTerms(**terms, **self._shaping(*draws.transitions, targets, psi))

    def _reconstruction(self, draws: Draws, batch: SequenceBatch) -> Float[Tensor, "transitions"]:
        decoded = self.representation.decode(draws.sample[:, 1:].flatten(0, 1))
        return self.representation.squared_error(decoded, batch.observations[:, 1:].flatten(0, 1))

    def _kl(self, draws: Draws, targets: Tensor, psi: Tensor, discount: float) -> Float[Tensor, "transitions"]:
        """KL of the posterior from the prior for every frame but the first, in nats per transition."""
        probs = self._assignment.probs()
        if not self.settings.flow_prior:
            return marginalise(self._closed_form(draws, targets, psi), probs, discount)
        before, after = (z.unsqueeze(1) for z in draws.transitions)
        nll_prior = marginalise(self.prior.expected_nll(before, after, targets, psi), probs)
        nll_posterior = gaussian.nll(draws.sample, draws.mean, draws.log_std).sum(dim=-1)
        return nll_prior - (draws.log_det + nll_posterior)[:, 1:].flatten()

    def _closed_form(self, draws: Draws, targets: Tensor, psi: Tensor) -> Float[Tensor, "transitions latents slots"]:
        """KL per latent and slot without a flow between posterior and prior."""
        before, after = draws.transitions
        mean, log_std = draws.mean[:, 1:].flatten(0, 1), draws.log_std[:, 1:].flatten(0, 1)
        return self.prior.kl(before, mean, log_std, after, targets, psi)

    def _noise_bonus(self, beta: float, progress: float) -> dict[str, Tensor]:
        if not self.settings.flow_prior or self.settings.noise_bonus == 0 or self._assignment.is_frozen:
            return {}
        weight = self.settings.noise_bonus_at(progress)
        return {"noise_bonus": beta * weight * (1 - self._assignment.probs()[:, -1]).mean()}

    def _shaping(self, z_prev: Tensor, z_next: Tensor, targets: Tensor, psi: Tensor) -> dict[str, Tensor]:
        """Terms of training only: parameters that the NLL detaches, the classifier's losses."""
        settings, terms = self.settings, {}
        if settings.flow_prior:
            parameters = self.prior.parameter_cost(z_next, targets)
            terms["parameters"] = parameters - parameters.detach()
        if settings.classifier > 0:
            self.classifier.update(targets)
            inputs = (z_prev, z_next, targets, psi)
            terms["classifier"] = settings.classifier * self.classifier.classifier_loss(*inputs)
            terms["latents"] = settings.classifier * self.classifier.latent_loss(*inputs)
        return terms

    @torch.no_grad()
    def latent_kl(self, batches: Iterable[SequenceBatch], generator: torch.Generator) -> Float[Tensor, "latents"]:
        """KL of each of the encoder's latents from the prior, in nats per frame.

        Without a flow the prior is the transition prior. With a flow the prior does not factorise over the encoder's
        latents, and one active latent affects all of z. There the prior of a latent is the Gaussian of its mean and
        variance over all frames, so that a latent counts as inactive if its posterior is the same for every frame.
        """
        probs, draws, costs = self._assignment.probs(), [], []
        for batch in batches:
            draws.append(self.draw(batch.observations, generator))
            if not self.settings.flow_prior:
                cost = self._closed_form(draws[-1], batch.targets.flatten(0, 1), self._assignment.hard())
                costs.append((cost * probs).sum(dim=-1))
        if costs:
            return torch.cat(costs).mean(dim=0)
        mean, log_std = (torch.cat([getattr(d, name).flatten(0, 1) for d in draws]) for name in ("mean", "log_std"))
        return _kl_from_all_frames(mean, log_std)


def _kl_from_all_frames(mean: Latents, log_std: Latents) -> Float[Tensor, "latents"]:
    """Mean KL of each latent's posterior from the Gaussian of its mean and variance over all frames."""
    variance = mean.var(dim=0, correction=0) + torch.exp(2 * log_std).mean(dim=0)
    return gaussian.kl(mean, log_std, mean.mean(dim=0), 0.5 * variance.log()).mean(dim=0)
