"""Log likelihoods that several systems use: panels with effects integrated out, logit panels, regimes, emulators."""
