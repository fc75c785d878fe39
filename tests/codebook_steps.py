"""One step of learning codes, as a training takes it."""


def learnt(quantiser, latent, generator=None):
    """Start if need be, look up, learn; return what was looked up."""
    if not bool(quantiser.initialised):
        quantiser.start(latent, generator)
    result = quantiser(latent)
    quantiser.learn(latent.detach(), result.codes, generator)
    return result


def reconstructed(vqgan, image):
    """The same for a whole autoencoder."""
    if not bool(vqgan.quantiser.initialised):
        vqgan.quantiser.start(vqgan.encode(image))
    result = vqgan(image)
    vqgan.quantiser.learn(result.latent.detach(), result.quantised.codes)
    return result
