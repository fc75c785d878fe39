"""What figures of a training mean, in words.

docs/training.md has a section for each alarm, under its name.
"""

from collections.abc import Mapping

from napari_tumor_synth.training.stage import Alarm

LEAST_USAGE = 0.1
LEAST_PERPLEXITY_SHARE = 0.05
SEEN_THROUGH = 0.98
STANDS_STILL = 0.5


def autoencoder_alarms(figures: Mapping[str, float], codes: int) -> list[Alarm]:
    """Return what is wrong with codebooks and discriminator.

    Parameters
    ----------
    figures : mapping of str to float
        By the names of the curves; those that are missing are not judged.
    codes : int
        Codes of each codebook.
    """
    return [*_codebook(figures, codes), *_critic(figures)]


def token_alarms(figures: Mapping[str, float], chance: float) -> list[Alarm]:
    """Return what is wrong with the transformer.

    Parameters
    ----------
    figures : mapping of str to float
        By the names of the curves; those that are missing are not judged.
    chance : float
        Nats a position of a model that knows nothing: levels times the logarithm of the codes.
    """
    held_out, trained = (
        figures.get(f"{split} nats a position") for split in ("validation", "training")
    )
    if held_out is None or trained is None:
        return []
    if held_out > chance:
        return [
            Alarm(
                "worse than chance",
                f"The transformer needs {held_out:.2f} nats for a position of held-out ROIs; "
                f"guessing needs {chance:.2f}.",
                "It knows the training ROIs by heart, or diverges: train it for fewer steps, with "
                "dropout, or with a smaller learning rate.",
            )
        ]
    if held_out > 1.5 * trained and held_out - trained > 0.1 * chance:
        return [
            Alarm(
                "learnt by heart",
                f"The transformer needs {trained:.2f} nats for a position of training ROIs, and "
                f"{held_out:.2f} for held-out ones.",
                "Its samples may be copies: look up their nearest real ROIs, and train with more "
                "cases, mirroring, dropout or fewer steps.",
            )
        ]
    return []


def _codebook(figures: Mapping[str, float], codes: int) -> list[Alarm]:
    level = 1
    while f"usage {level}" in figures:
        usage, perplexity = figures[f"usage {level}"], figures.get(f"perplexity {level}", codes)
        if usage < LEAST_USAGE or perplexity < LEAST_PERPLEXITY_SHARE * codes:
            return [
                Alarm(
                    "codebook collapse",
                    f"Of {codes} codes of level {level}, {usage:.0%} were used in the last epoch, "
                    f"with a perplexity of {perplexity:.0f}.",
                    "Detail is lost that no transformer can bring back: set "
                    "autoencoder.revive_below above 0 (0.05) and kmeans_iterations to 10, or take "
                    "fewer codes. Early in a run it may pass.",
                )
            ]
        level += 1
    return []


def _critic(figures: Mapping[str, float]) -> list[Alarm]:
    if figures.get("critic skipped", 0.0) > STANDS_STILL:
        return [
            Alarm(
                "discriminator stands still",
                "Most steps of the discriminator are skipped: its loss or gradient is not finite.",
                "The autoencoder goes on without it. Start a new run with a smaller learning rate, "
                "or with precision bf16-mixed or 32-true.",
            )
        ]
    shares = [figures.get(f"critic right on {side}") for side in ("real", "fake")]
    real, fake = shares
    if real is None or fake is None:
        return []
    if min(real, fake) > SEEN_THROUGH:
        return [
            Alarm(
                "discriminator too strong",
                f"The discriminator tells {real:.0%} of real and {fake:.0%} of reconstructed "
                "patches right: its gradients no longer help.",
                "If reconstructions get worse (validation foreground psnr falls), lower "
                "losses.adversarial, or start it later (adversarial.start).",
            )
        ]
    return []
