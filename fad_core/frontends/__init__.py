"""Log-mel spectrograms, Fourier transforms, filterbanks and windows."""
